/** Recorded starts that read files whose names are not UTF-8, whatever serves them. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { HANG_MS } from '../../../scripts/support/until.ts'
import type { ServerName } from '../../../tracer/mount/mount.ts'
import { profileImage } from '../../../tracer/profile.ts'
import { busyboxRoot, writeImage } from '../../support/images.ts'
import { dir, file, symlink, tarOf } from '../../support/tar.ts'
import { tempFolder } from '../../support/temp.ts'
import { writeLazyImage } from './lazy/estargz-image.ts'

const NAME = 'caf\xe9 \xff'
/** tar-stream writes text only, so these stand for the bytes above 0x7f at first. */
const STAND_IN = 'caf~ }'

/** A tar with the stand-ins replaced in its headers, and their checksums mended. */
function withBytes(tar: Buffer): Buffer {
  for (let at = tar.indexOf(STAND_IN); at !== -1; at = tar.indexOf(STAND_IN, at + 1)) {
    tar.write(NAME, at, 'latin1')
    const header = tar.subarray(at - (at % 512), at - (at % 512) + 512)
    header.fill(' ', 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  }
  return tar
}

const SCRIPT = `
cat "$(printf '/app/link caf\\351 \\377')" "$(printf '/app/caf\\351 \\377')/inside" || exit 1
printf '%s,' /app/* | od -An -v -tx1 | tr -d ' \\n'
echo
echo started
sleep 60
`

/** @returns what the container printed, and which files of /app it read */
async function record(reference: string, server: ServerName) {
  await using source = await openSource(reference)
  const output: Buffer[] = []
  const { trace } = await profileImage({
    image: await source.image(),
    engine: 'runc',
    server,
    command: [],
    tool: 'test',
    ready: { by: 'log', pattern: /^started$/ },
    timeoutMs: HANG_MS,
    onOutput: (_, chunk) => output.push(chunk),
  })
  const files = trace.files.filter(({ path }) => path.startsWith('app/'))
  return {
    output: Buffer.concat(output).toString('latin1'),
    files: files.map(({ path, ranges }) => [path, ranges]),
  }
}

const expected = {
  output: `oneinside${Buffer.from(`/app/${NAME},/app/link ${NAME},`, 'latin1').toString('hex')}\nstarted\n`,
  files: [
    ['app/link caf%E9 %FF', []],
    ['app/caf%E9 %FF/one', [[0, 3]]],
    ['app/caf%E9 %FF/inside', [[0, 6]]],
  ],
}

test.each<ServerName>(['fuse-native', 'kernel'])('%s: files on disk', async (server) => {
  await using temp = await tempFolder()
  const tar = await tarOf([
    dir('app/'),
    dir(`app/${STAND_IN}/`),
    file(`app/${STAND_IN}/one`, 'one'),
    file(`app/${STAND_IN}/inside`, 'inside'),
    symlink(`app/link ${STAND_IN}`, `${STAND_IN}/one`),
  ])
  const reference = await writeImage(await temp.sub('image'), {
    layers: [await busyboxRoot(), withBytes(tar)],
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', SCRIPT] },
  })
  expect(await record(reference, server)).toEqual(expected)
})

test.each<ServerName>(['fuse-native', 'kernel'])(
  '%s: files that are fetched when they are read',
  async (server) => {
    await using temp = await tempFolder()
    const folder = (name: string) => ({ name, entry: { type: 'dir', mode: 0o755 } }) as const
    const applet = (name: string) =>
      ({ name: `bin/${name}`, entry: { type: 'symlink', linkName: 'busybox' } }) as const
    const reference = await writeLazyImage(
      await temp.sub('image'),
      [
        {
          zone: [
            folder('bin/'),
            { name: 'bin/busybox', content: await readFile('/bin/busybox'), entry: { mode: 0o755 } },
            ...['sh', 'cat', 'od', 'tr', 'sleep', 'printf'].map(applet),
          ],
          rest: [
            folder('app/'),
            folder(`app/${NAME}/`),
            { name: `app/${NAME}/one`, content: Buffer.from('one') },
            { name: `app/${NAME}/inside`, content: Buffer.from('inside') },
            { name: `app/link ${NAME}`, entry: { type: 'symlink', linkName: `${NAME}/one` } },
          ],
        },
      ],
      { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', SCRIPT] },
    )
    expect(await record(reference, server)).toEqual(expected)
  },
)
