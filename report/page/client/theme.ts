/** Colours of the style sheet for what is drawn on a canvas, which must be drawn anew when they change, and for paper. */

export interface Theme {
  readonly color: (name: string) => string
  readonly sans: string
}

/** Charts rise once, unless the reader asked for stillness. */
export const isStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement)
  return {
    color: (name) => style.getPropertyValue(`--${name}`).trim() || '#888',
    sans: style.getPropertyValue('--sans').trim() || 'sans-serif',
  }
}

/** Calls now, and again when the reader turns to dark or light, and before and after printing. */
export function whenThemed(draw: (theme: Theme) => void): void {
  const again = () => draw(readTheme())
  again()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  matchMedia('print').addEventListener('change', again)
}

/** A canvas as large as its box, at the screen's resolution. Calls `draw` now and at every change of size or theme. */
export function onCanvas(
  box: HTMLElement,
  draw: (context: CanvasRenderingContext2D, width: number, height: number, theme: Theme) => void,
): () => void {
  const canvas = box.querySelector('canvas')
  const context = canvas?.getContext('2d')
  if (!canvas || !context) return () => {}
  const paint = () => {
    const { clientWidth: width, clientHeight: height } = box
    const scale = devicePixelRatio || 1
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    context.clearRect(0, 0, width, height)
    draw(context, width, height, readTheme())
  }
  new ResizeObserver(paint).observe(box)
  whenThemed(paint)
  return paint
}
