/** A layout that somebody else keeps locked: the image can't be named in it, and nobody is kept waiting twice. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { layoutTarget } from '../../../image/layout/target.ts'
import { OCI_MANIFEST } from '../../../image/media-types.ts'
import { markOf, ourselves } from '../../../system/process/owner.ts'

test('the write fails by the lock’s limit, and ends without the lock', async () => {
  const folder = await mkdtemp('/var/tmp/hs-locked-')
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true }))
  const target = layoutTarget({ path: folder, tag: 'x', digest: undefined }, { limitMs: 50 })
  await target.prepare({ force: false })
  await writeFile(join(folder, `.lock.headstart-${markOf(await ourselves())}-aabbccddeeff`), '')
  const write = target.putManifest(Buffer.from('{}'), OCI_MANIFEST, { tagged: true })
  await expect(write).rejects.toMatchObject({ code: 'E_LOCKED' })
  await target[Symbol.asyncDispose]()
})
