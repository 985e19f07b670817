/** HTML from templates. Values are escaped and made visible, unless they are HTML from here. */
import { visible } from '../../system/text/visible.ts'
import { format, type Unit } from './shared/format.ts'

export interface Html {
  readonly html: string
}

type Value = string | number | Html | readonly Html[] | undefined | false

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)

function render(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'string') return escaped(visible(value))
  if (typeof value === 'number') return String(value)
  return 'html' in value ? value.html : value.map((one) => one.html).join('')
}

/** Values may stand in text and in quoted attributes only. */
export const html = (strings: TemplateStringsArray, ...values: Value[]): Html => ({
  html: strings.map((text, index) => text + render(values[index])).join(''),
})

/** Joins with a separator of HTML. */
export const join = (parts: readonly Html[], separator: string): Html => ({
  html: parts.map((part) => part.html).join(separator),
})

/** A number that the page reformats in the reader's locale. */
export const num = (unit: Unit, value: number): Html =>
  html`<data value="${value}" data-unit="${unit}">${format(unit, value)}</data>`

/** `1 file`, `2 files` */
export const counted = (count: number, what: string): Html =>
  html`${num('count', count)} ${what}${count !== 1 && 's'}`
