/** A stream is read up to a limit, and no further. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { readBounded } from '../../../system/files/read-bounded.ts'

test('up to the limit all of it is returned', async () => {
  expect(await readBounded(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 3, 'it')).toEqual(
    Buffer.from('abc'),
  )
})

test('a stream without end is an error that names it, and is destroyed', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(1000)
    })(),
  )
  await expect(readBounded(endless, 2500, 'the config')).rejects.toThrow(
    /^the config is larger than 2500 bytes$/,
  )
  expect(endless.destroyed).toBe(true)
})
