/** A file that only grows. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppendFile } from '../../../optimizer/spool/append-file.ts'
import { testFolder } from '../support.ts'

test('bytes are where they were said to be, whatever their number and size', async () => {
  await using folder = await testFolder()
  await using file = await AppendFile.create(join(folder.path, 'file'))
  const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.alloc(1 + ((index * 37) % 2000), index))
  const starts: number[] = []
  for (const piece of pieces) {
    starts.push(file.append(piece))
    await file.drain()
  }
  await file.flush()
  const content = await readFile(file.path)
  expect(content.equals(Buffer.concat(pieces))).toBe(true)
  pieces.forEach((piece, index) => {
    const start = starts[index] ?? 0
    expect(content.subarray(start, start + piece.length).equals(piece)).toBe(true)
  })
})

test('what can’t fit on the disk fails before it is written', async () => {
  await using folder = await testFolder()
  await using file = await AppendFile.create(join(folder.path, 'file'))
  expect(() => file.expect(2 ** 52, '"big"')).toThrow(
    expect.objectContaining({
      code: 'E_DISK_FULL',
      message: `not enough space in ${folder.path} for "big" of ${2 ** 52} bytes`,
    }),
  )
  file.expect(1, '"small"')
})
