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
  let drawn = ''
  const paint = () => {
    const { clientWidth: width, clientHeight: height } = box
    if (width === 0 || height === 0) return // not shown: in a frame that is hidden, or on paper
    drawn = `${width} ${height}`
    const scale = devicePixelRatio || 1
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    draw(context, width, height, readTheme())
  }
  whenThemed(paint)
  // The first call tells the size that was drawn already.
  new ResizeObserver(() => drawn !== `${box.clientWidth} ${box.clientHeight}` && paint()).observe(box)
  return paint
}

/** A picture that is costly to draw, kept as long as its size and colours stay. */
export function createPicture(): {
  draw(context: CanvasRenderingContext2D, key: string, paint: (onto: CanvasRenderingContext2D) => void): void
} {
  const kept = document.createElement('canvas')
  let keptKey = ''
  return {
    draw(context, key, paint) {
      const { width, height } = context.canvas
      const whole = `${key} ${width} ${height}`
      const onto = kept.getContext('2d')
      if (!onto) return
      if (whole !== keptKey) {
        kept.width = width
        kept.height = height
        onto.setTransform(context.getTransform())
        paint(onto)
        keptKey = whole
      }
      context.save()
      context.resetTransform()
      context.drawImage(kept, 0, 0)
      context.restore()
    },
  }
}
