/** The map's rectangles. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { squarify } from '../../../../report/page/client/treemap.ts'

test('rectangles fill their box, in proportion, without overlap', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 60 }), (numbers) => {
      const sizes = numbers.toSorted((a, b) => b - a)
      const rects = squarify(sizes, { x: 5, y: 7, width: 300, height: 200 })
      const sum = sizes.reduce((all, one) => all + one, 0)
      rects.forEach(({ width, height }, index) => {
        expect(width * height).toBeCloseTo(((sizes[index] ?? 0) / sum) * 60_000, 3)
      })
      for (const { x, y, width, height } of rects) {
        expect(x).toBeGreaterThanOrEqual(5 - 1e-6)
        expect(y).toBeGreaterThanOrEqual(7 - 1e-6)
        expect(x + width).toBeLessThanOrEqual(305 + 1e-6)
        expect(y + height).toBeLessThanOrEqual(207 + 1e-6)
      }
    }),
  )
})
