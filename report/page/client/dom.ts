/** Small helpers for the document. */
import { format, formatTick, isUnit, type Unit } from '../shared/format.ts'

export const locale = navigator.language || 'en'

export const say = (unit: Unit, value: number): string => format(unit, value, locale)

export const sayTick = (unit: Unit, value: number): string => formatTick(unit, value, locale)

/** Reformats every number in the reader's locale. */
export function localize(): void {
  for (const element of document.querySelectorAll<HTMLDataElement>('data[data-unit]')) {
    const unit = element.dataset.unit ?? ''
    if (isUnit(unit)) element.textContent = say(unit, Number(element.value))
  }
}

interface Attributes {
  readonly class?: string
  readonly text?: string
  readonly [name: string]: string | undefined
}

/** Text never becomes markup: names from an image are passed here. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { class: className, text, ...attributes }: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, value)
  element.append(...children)
  return element
}

export function svg(tag: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  if (text !== undefined) element.textContent = text
  return element
}

export const byId = (id: string): HTMLElement | null => document.getElementById(id)

export function inputById(id: string): HTMLInputElement | undefined {
  const element = byId(id)
  return element instanceof HTMLInputElement ? element : undefined
}
