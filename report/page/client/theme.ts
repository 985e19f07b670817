/** The style sheet's colours for canvases, which must be redrawn when the colours or the size change, and for printing. */

export interface Theme {
  readonly color: (name: string) => string
  readonly sans: string
}

/** Charts are animated once, unless the reader prefers reduced motion. */
export const isStill = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches

function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement)
  return {
    color: (name) => style.getPropertyValue(`--${name}`).trim() || '#888',
    sans: style.getPropertyValue('--sans').trim() || 'sans-serif',
  }
}

/** Calls now, and again when the reader switches between dark and light, and before and after printing. */
export function whenThemed(draw: (theme: Theme) => void): void {
  const again = () => draw(readTheme())
  again()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again)
  matchMedia('print').addEventListener('change', again)
}

/** What is drawn on: the canvas in its box's size, and the colours of the moment. */
export interface Surface {
  readonly ctx: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  readonly theme: Theme
}

/**
 * Sizes the canvas of a box at the screen's resolution. Calls `draw` now and whenever the size or theme changes.
 * @returns draws again
 */
export function onCanvas(box: HTMLElement, draw: (surface: Surface) => void): () => void {
  const canvas = box.querySelector('canvas')
  const context = canvas?.getContext('2d')
  if (!canvas || !context) return () => {}
  let drawn = ''
  const paint = () => {
    const { clientWidth: width, clientHeight: height } = box
    if (width === 0 || height === 0) return // not visible: in a hidden frame, or in print
    drawn = `${width} ${height}`
    const scale = devicePixelRatio || 1
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    draw({ ctx: context, width, height, theme: readTheme() })
  }
  whenThemed(paint)
  // The first call reports the size that was already drawn.
  new ResizeObserver(() => drawn !== `${box.clientWidth} ${box.clientHeight}` && paint()).observe(box)
  return paint
}

/** A picture that is expensive to draw, kept until its size or key changes. */
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
