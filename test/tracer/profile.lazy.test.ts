/** An eStargz image in a registry, profiled without being pulled. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import { HANG_MS } from '../../scripts/support/until.ts'
import { profileImage } from '../../tracer/profile.ts'
import { tempFolder } from '../support/temp.ts'
import { leftovers } from './leftovers.ts'
import { writeLazyImage } from './mount/lazy/estargz-image.ts'

test.each(['runc', 'docker'] as const)('%s: the recording mount lies over the lazy one', async (engine) => {
  await using temp = await tempFolder()
  const folder = (name: string) => ({ name, entry: { type: 'dir', mode: 0o755 } }) as const
  const big = Buffer.alloc(3_000_000, 'unread')
  const reference = await writeLazyImage(
    await temp.sub('image'),
    [
      {
        zone: [
          folder('bin/'),
          { name: 'bin/busybox', content: await readFile('/bin/busybox'), entry: { mode: 0o755 } },
          { name: 'bin/sh', entry: { type: 'symlink', linkName: 'busybox' } },
          { name: 'bin/cat', entry: { type: 'hardlink', linkName: 'bin/busybox' } },
        ],
        rest: [
          folder('etc/'),
          { name: 'etc/passwd', content: Buffer.from('root:x:0:0::/:/bin/sh\n') },
          folder('app/'),
          { name: 'app/conf', content: Buffer.from('conf') },
          { name: 'app/big', content: big },
        ],
      },
    ],
    {
      Env: ['PATH=/bin'],
      Cmd: ['/bin/sh', '-c', '/bin/cat /app/conf /etc/passwd; echo; echo started; sleep 60'],
    },
  )
  await using layout = await openSource(reference)
  await using server = await serveImages({ 'app:1': await layout.image() })
  await using source = await openSource(`docker://${server.host}/app:1`)
  const { trace } = await profileImage({
    image: await source.image(),
    engine,
    command: [],
    tool: 'test',
    ready: { by: 'log', pattern: /^started$/ },
    timeoutMs: HANG_MS,
    runs: 2,
  })
  expect(trace.run.runs).toBe(2)
  const conf = trace.files.find(({ path }) => path === 'app/conf')
  expect(conf).toMatchObject({ ranges: [[0, 4]], digest: expect.stringMatching(/^sha256:/) })
  // The engines look users up in it before the container reads it.
  expect(trace.files.find(({ path }) => path === 'etc/passwd')).toMatchObject({ ranges: [[0, 22]] })
  expect(trace.files.map(({ path }) => path)).toContain('bin/sh')
  expect(trace.files.map(({ path }) => path)).not.toContain('app/big')
  expect(await leftovers()).toEqual([])
})
