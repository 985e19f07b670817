/** What the engine fills a new volume with, when an image leads it elsewhere. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import { ignoreMissing } from '../../../../tracer/container/docker/errors.ts'
import { parseRunOptions } from '../../../../tracer/container/options/parse-run-options.ts'
import { profileImage } from '../../../../tracer/profile.ts'
import { dockerEngine } from '../../../support/engine.ts'
import { busyboxImage } from '../../../support/images.ts'
import { dir, symlink } from '../../../support/tar.ts'
import { tempFolder } from '../../../support/temp.ts'

test('a symlink of the image puts nothing of this machine into a volume', async () => {
  await using temp = await tempFolder()
  await writeFile(join(await temp.sub('host'), 'secret'), 'of this machine\n')
  await mkdir(join(temp.path, 'data/cache'), { recursive: true })
  const app = [dir('data/'), symlink('data/cache', join(temp.path, 'host'))]
  const command = 'ls -A /data/cache'
  await using source = await openSource(await busyboxImage(await temp.sub('image'), { command, app }))
  const volume = `of-a-test-links-${process.pid}`
  const output: Buffer[] = []
  try {
    await profileImage({
      image: await source.image(),
      engine: 'docker',
      // Below another mount the image's own symlinks don't apply to the place itself.
      run: parseRunOptions(
        { volume: [`${temp.path}/data:/data`, `${volume}:/data/cache`] },
        { env: {}, folder: temp.path },
      ),
      command: [],
      ready: { by: 'exit' },
      onOutput: (_stream, chunk) => output.push(chunk),
      tool: 'test',
    })
  } finally {
    await ignoreMissing((await dockerEngine()).getVolume(volume).remove())
  }
  expect(Buffer.concat(output).toString()).toBe('')
})
