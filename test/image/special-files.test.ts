/** Layouts, archives and settings that are a pipe, a device or endless are refused, not waited for or read into memory. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engineHost } from '../../image/daemon/connection.ts'
import { openSource } from '../../image/sources.ts'
import { runCommand } from '../../system/process/command.ts'
import { HEADSTART } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { SPECIAL_FILES, specialFiles } from '../support/special-files.ts'
import { file } from '../support/tar.ts'

let special: Awaited<ReturnType<typeof specialFiles>>
let folder: string

beforeAll(async () => {
  special = await specialFiles()
  folder = special.folder
})

afterAll(() => special[Symbol.asyncDispose]())

/** A layout one of whose files is something else. */
async function layoutWith(path: string, what: string): Promise<string> {
  const at = await mkdtemp(join(folder, 'layout-'))
  await writeImage(at, { layers: [[file('a', 'x')]] })
  await rm(join(at, path))
  await symlink(join(folder, what), join(at, path))
  return `oci:${at}`
}

describe.each(Object.entries(SPECIAL_FILES))('%s', (what, code) => {
  test.each(['index.json', 'oci-layout'])('as %s of a layout', async (path) => {
    await expect(openSource(await layoutWith(path, what))).rejects.toMatchObject({ code })
  })

  test('as the manifest, the config or a layer', async () => {
    const model = join(folder, `model-${what}`)
    const layout = await writeImage(model, { layers: [[file('a', 'x')]] })
    await using source = await openSource(layout)
    const { descriptor, manifest } = await source.image()
    for (const { digest } of [descriptor, manifest.config, manifest.layers[0] ?? descriptor]) {
      const place = await layoutWith(join('blobs/sha256', digest.slice(7)), what)
      const read = async () => {
        await using copy = await openSource(place)
        for (const layer of (await copy.image()).layers) for await (const _ of await layer.open()); // to its end
      }
      await expect(read()).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(BLOB_MISSING|TOO_LARGE|DIGEST)$/),
      })
    }
  })

  test('as an archive', async () => {
    for (const kind of ['oci-archive', 'docker-archive'])
      await expect(openSource(`${kind}:${join(folder, what)}`)).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(IMAGE_NOT_FOUND|ARCHIVE)$/),
      })
  })
})

test('inspecting an endless layout ends in a line, in little memory', async () => {
  const place = await layoutWith('index.json', 'endless')
  // 4 GB of addresses are what Node itself takes; the fault took 24 of memory.
  const child = runCommand('prlimit', ['--rss=500000000', process.execPath, HEADSTART, 'inspect', place])
  await expect(child).rejects.toThrow(/index\.json is not a regular file/)
})

test('Docker’s settings that are a device don’t stop a command for ever', async () => {
  const home = join(folder, 'docker')
  await mkdir(home)
  await symlink('/dev/zero', join(home, 'config.json'))
  expect(await engineHost({ DOCKER_CONFIG: home })).toBe('unix:///var/run/docker.sock')
})
