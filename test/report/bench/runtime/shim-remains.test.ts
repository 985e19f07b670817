/** Sockets of an engine's shims, in a folder that all engines of the machine share: ours go, by the engine's own notes, and no others. Needs root. */
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { removeEngineSockets } from '../../../../report/bench/runtime/shim-remains.ts'
import { exists } from '../../../../system/files/exists.ts'
import { tempFolder } from '../../../support/temp.ts'

const SHARED = '/run/containerd/s'

async function socketIn(folder: string, name: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, name)
  await writeFile(path, '')
  onTestFinished(() => rm(path, { force: true }))
  return path
}

test('what the engine noted is removed, and nothing beside it', async () => {
  await using temp = await tempFolder()
  const name = () => randomBytes(32).toString('hex')
  const ours = await socketIn(SHARED, name())
  const others = await socketIn(SHARED, name())
  const elsewhere = await socketIn(temp.path, name())
  const notes = [`unix://${ours}`, `unix://${elsewhere}`, `unix://${SHARED}/../s/${others.slice(-64)}`, '']
  for (const [index, note] of notes.entries()) {
    const task = join(temp.path, 'containerd/daemon/io.containerd.runtime.v2.task/moby', String(index))
    await mkdir(task, { recursive: true })
    await writeFile(join(task, 'address'), note)
  }
  await removeEngineSockets(temp.path)
  expect(await Promise.all([ours, others, elsewhere].map(exists))).toEqual([false, true, true])
  await removeEngineSockets(join(temp.path, 'none'))
})
