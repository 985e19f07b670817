/** Whose a workspace is: it must not be taken from a command that is just making it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createWorkspace, staleWorkspaces } from '../../image/workspace.ts'

const NOBODY = 4194305 // no process has so high a number

test.each<[string, number, string | undefined, boolean]>([
  ['of a process that is gone', NOBODY, undefined, true],
  ['without a word about its owner yet', process.pid, undefined, false],
  ['whose owner is being written down', process.pid, '{"pid":', false],
  ['of an earlier process of the same number', process.pid, '{"started":"1"}', true],
])('%s', async (_name, pid, owner, stale) => {
  const root = await mkdtemp('/var/tmp/hs-workspace-')
  try {
    const folder = join(root, `headstart-${pid}-deadbeef`)
    await mkdir(folder)
    if (owner !== undefined) await writeFile(join(folder, 'owner.json'), owner)
    await using own = await createWorkspace(root)
    const found = (await staleWorkspaces(root)).map((one) => one.folder)
    expect(found).toEqual(stale ? [folder] : [])
    expect(found).not.toContain(own.folder)
  } finally {
    await rm(root, { recursive: true })
  }
})
