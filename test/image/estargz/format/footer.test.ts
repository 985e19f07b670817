/** The footer: where the table of contents begins. */
import { expect, test } from 'vitest'
import { encodeFooter, FOOTER_BYTES, parseFooter } from '../../../../image/estargz/format/footer.ts'

test('what is written is read back', () => {
  const footer = encodeFooter(300)
  expect(footer).toHaveLength(FOOTER_BYTES)
  expect(parseFooter(footer, 1000)).toEqual({ tocOffset: 300, start: 1000 - FOOTER_BYTES })
})

test('a footer that points outside is an error', () => {
  expect(() => parseFooter(encodeFooter(1000), 1000)).toThrow(/puts the table of contents at/)
  expect(parseFooter(Buffer.alloc(20), 20)).toBeUndefined()
})
