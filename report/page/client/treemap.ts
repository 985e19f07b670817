/** Squarified treemap (Bruls, Huizing, van Wijk 2000): proportional areas, rectangles close to squares. Pure. */

export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * @param sizes descending, above 0
 * @returns a rectangle for each, in the same order; together they fill `box`
 */
export function squarify(sizes: readonly number[], box: Rect): Rect[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= 0) return []
  const scale = (box.width * box.height) / total
  const placed: Rect[] = []
  let rest = box
  let at = 0
  while (at < sizes.length) {
    const side = Math.min(rest.width, rest.height)
    const end = rowEnd(sizes, at, side, scale)
    const area = sizes.slice(at, end).reduce((sum, size) => sum + size, 0) * scale
    const thick = side > 0 ? area / side : 0
    const isColumn = rest.width >= rest.height
    let offset = 0
    for (const size of sizes.slice(at, end)) {
      const long = thick > 0 ? (size * scale) / thick : 0
      placed.push(
        isColumn
          ? { x: rest.x, y: rest.y + offset, width: thick, height: long }
          : { x: rest.x + offset, y: rest.y, width: long, height: thick },
      )
      offset += long
    }
    rest = isColumn
      ? { ...rest, x: rest.x + thick, width: Math.max(0, rest.width - thick) }
      : { ...rest, y: rest.y + thick, height: Math.max(0, rest.height - thick) }
    at = end
  }
  return placed
}

/** The end of a row: adding more would worsen its worst shape. */
function rowEnd(sizes: readonly number[], start: number, side: number, scale: number): number {
  const largest = (sizes[start] ?? 0) * scale
  let area = 0
  let worst = Number.POSITIVE_INFINITY
  for (let end = start; end < sizes.length; end++) {
    const smallest = (sizes[end] ?? 0) * scale
    area += smallest
    const next = Math.max((side ** 2 * largest) / area ** 2, area ** 2 / (side ** 2 * smallest))
    if (next > worst) return end
    worst = next
  }
  return sizes.length
}
