/** An image that the Docker engine has: its unpacked layers are used where they lie. */
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { copyImage } from '../../../../image/copy.ts'
import { openSource } from '../../../../image/sources.ts'
import { openTarget } from '../../../../image/targets.ts'
import { HANG_MS } from '../../../../scripts/support/until.ts'
import { createWorkspace } from '../../../../system/workspace.ts'
import { findLayerFolders } from '../../../../tracer/container/docker/layers.ts'
import { chooseTree } from '../../../../tracer/mount/choose-tree.ts'
import { profileImage } from '../../../../tracer/profile.ts'
import { dockerEngine } from '../../../support/engine.ts'
import { busyboxRoot, writeImage } from '../../../support/images.ts'
import { dir, file, whiteout } from '../../../support/tar.ts'
import { tempFolder } from '../../../support/temp.ts'
import { leftovers } from '../../leftovers.ts'

test('layers, whiteouts among them, are laid over each other without a copy', async () => {
  await using temp = await tempFolder()
  const docker = await dockerEngine()
  const name = `tracer-test-${randomBytes(4).toString('hex')}:1`
  const reference = await writeImage(await temp.sub('image'), {
    layers: [
      await busyboxRoot(),
      [dir('app/'), file('app/a', 'first'), file('app/gone', 'x')],
      [file('app/a', 'second!'), whiteout('app/gone')],
    ],
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', 'cat /app/*; echo; echo started; sleep 60'] },
  })
  await using layout = await openSource(reference)
  await using target = await openTarget(`docker-daemon:${name}`)
  await target.prepare({ force: false })
  await copyImage(await layout.image(), target)
  try {
    await using saves = await createWorkspace()
    await using source = await openSource(`docker-daemon:${name}`, { workspace: saves })
    const image = await source.image()
    expect(await findLayerFolders(docker, image)).toHaveLength(3)
    await using workspace = await createWorkspace()
    expect(await chooseTree(image, workspace, {})).toEqual({ folder: `${workspace.folder}/image` })
    const output: string[] = []
    const { trace } = await profileImage({
      image,
      command: [],
      tool: 'test',
      ready: { by: 'log', pattern: /^started$/ },
      timeoutMs: HANG_MS,
      onOutput: (_stream, chunk) => output.push(chunk.toString()),
    })
    expect(output.join('')).toContain('second!\nstarted')
    expect(trace.run.engine).toBe('docker')
    expect(trace.files.find(({ path }) => path === 'app/a')).toMatchObject({ size: 7, ranges: [[0, 7]] })
    expect(trace.files.map(({ path }) => path)).not.toContain('app/gone')
    expect(await readdir(saves.folder)).not.toContain('engine') // for all this nothing had to be saved
    // What was said of the layers before they were there is true: they are checked against it.
    for (const layer of image.layers) await finished((await layer.open()).resume())
    expect(await readdir(join(saves.folder, 'engine'))).toHaveLength(1)
    expect(trace.image.digest).toBe(image.descriptor.digest)
  } finally {
    await docker.getImage(name).remove({ force: true })
  }
})

test('an image that the engine has not is unpacked', async () => {
  await using temp = await tempFolder()
  const reference = await writeImage(await temp.sub('image'), { layers: [[file('only', temp.path)]] })
  await using source = await openSource(reference)
  const image = await source.image()
  expect(await findLayerFolders(await dockerEngine(), image)).toBeUndefined()
  await using workspace = await createWorkspace()
  const tree = await chooseTree(image, workspace, {})
  expect(tree).toEqual({ folder: `${workspace.folder}/image` })
  await workspace[Symbol.asyncDispose]()
  expect(await leftovers()).toEqual([])
})
