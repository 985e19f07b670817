/** The blocks before an entry's header: what they say, and how many there may be. */
import { expect, test } from 'vitest'
import { parseHeaderBlock } from '../../../image/tar/header.ts'
import {
  emptyPrelude,
  expectSpecial,
  isSpecial,
  type Prelude,
  withSpecial,
} from '../../../image/tar/prelude.ts'
import { file, tarOf } from '../../support/tar.ts'

const plain = (await tarOf([file('f')])).subarray(0, 512)
const block = (flag: string, size: number) => ({ ...parseHeaderBlock(plain, 'x'), flag, size })

function add(prelude: Prelude, flag: string, text: string): Prelude {
  const content = Buffer.alloc(512)
  content.write(text, 'latin1')
  return withSpecial(prelude, block(flag, text.length), [plain, content], 'x')
}

test('records and long names gather, and their blocks are kept as they are', () => {
  const names = add(add(emptyPrelude(), 'L', 'a long name\0rest'), 'K', 'a long target')
  const prelude = add(names, 'x', '9 uid=70\n')
  expect(prelude).toMatchObject({ name: 'a long name', linkName: 'a long target' })
  expect([...prelude.pax]).toEqual([['uid', '70']])
  expect(prelude.blocks).toHaveLength(6)
})

test('a global block ends what stood before it, and is refused when it is damaged', () => {
  expect(add(add(emptyPrelude(), 'L', 'name'), 'g', '9 uid=70\n')).toEqual(emptyPrelude())
  expect(() => add(emptyPrelude(), 'g', '99 uid=70\n')).toThrow(/wrong length/)
})

test('only these flags are special', () => {
  expect(['x', 'g', 'L', 'K', '0', '5', 'S'].filter((flag) => isSpecial(block(flag, 0)))).toEqual([
    'x',
    'g',
    'L',
    'K',
  ])
})

test('a block of over 1 MiB, or more than 4 MiB of them, is refused before it is kept', () => {
  const prelude = emptyPrelude()
  expect(expectSpecial(prelude, block('x', 513), 'x')).toBe(2)
  expect(prelude.bytes).toBe(3 * 512)
  expect(() => expectSpecial(emptyPrelude(), block('x', (1 << 20) + 1), 'x')).toThrow(/has 1048577 bytes/)
  expect(() => expectSpecial(emptyPrelude(), block('x', -1), 'x')).toThrow(/has -1 bytes/)
  const fill = () => expectSpecial(prelude, block('L', 1 << 20), 'x')
  for (let count = 0; count < 3; count++) fill()
  expect(fill).toThrow(/take more than 4194304 bytes/)
})
