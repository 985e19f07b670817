/** What our reading of a tar's dialects makes of a layer is what a real Docker engine unpacks, entry by entry; what it refuses, we refuse. */
import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { bytesBlob } from '../../image/blob.ts'
import { followed } from '../../image/daemon/client.ts'
import { digestOf } from '../../image/digest.ts'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { END_OF_TAR, encodeHeader, NOBODY } from '../../image/tar/encode.ts'
import { paddingOf } from '../../image/tar/entry.ts'
import { encodePax } from '../../image/tar/pax.ts'
import { dockerEngine } from '../support/engine.ts'
import { dir, file, tarOf } from '../support/tar.ts'
import { tempFolder } from '../support/temp.ts'

type Fields = Parameters<typeof encodeHeader>[0]

const padded = (content: Buffer): Buffer => Buffer.concat([content, Buffer.alloc(paddingOf(content.length))])

/** An own header that ustar can say, and its content. */
const plain = (name: string, content = '', rest: Partial<Fields> = {}): Buffer => {
  const fields = { ...NOBODY, name, mode: 0o644, mtime: 1000, size: content.length, flag: '0', ...rest }
  return Buffer.concat([encodeHeader(fields, []), padded(Buffer.from(content))])
}

const special = (flag: string, content: Buffer): Buffer =>
  Buffer.concat([
    encodeHeader({ ...NOBODY, name: 'special', mode: 0, size: content.length, flag }, []),
    padded(content),
  ])

const pax = (...records: [string, string][]): Buffer => special('x', encodePax(records))
const global = (...records: [string, string][]): Buffer => special('g', encodePax(records))
const long = (flag: 'L' | 'K', name: string): Buffer => special(flag, Buffer.from(`${name}\0`))

/** Changes a header's bytes and its checksum. */
function patched(entry: Buffer, ...changes: [at: number, bytes: string][]): Buffer {
  const bytes = Buffer.from(entry)
  for (const [at, text] of changes) bytes.write(text, at, 'latin1')
  bytes.fill(' ', 148, 156)
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

const GNU: [number, string] = [257, 'ustar  \0']

/** Each with names of its own: they make one layer. */
const sound: [string, Buffer[]][] = [
  ['a path in PAX', [pax(['path', 'pax-path']), plain('a1')]],
  ['global records', [global(['uid', '1234'], ['mtime', '5'], ['path', 'nowhere']), plain('a2', 'x')]],
  [
    'global records between PAX and entry',
    [pax(['uid', '7'], ['path', 'lost']), global(['gid', '8']), plain('a3')],
  ],
  ['a GNU name and a PAX path', [long('L', 'gnu-wins'), pax(['path', 'pax-loses']), plain('a4')]],
  ['the other way round', [pax(['path', 'pax-loses-2']), long('L', 'gnu-wins-2'), plain('a5')]],
  [
    'both names of a link',
    [
      long('K', 'gnu-target'),
      pax(['linkpath', 'pax-target']),
      plain('a6', '', { flag: '2', linkName: 'own' }),
    ],
  ],
  ['an empty GNU name', [long('L', ''), plain('a7')]],
  ['two PAX headers', [pax(['path', 'first'], ['uid', '1']), pax(['gid', '2']), plain('a8')]],
  ['records that repeat', [pax(['path', 'one'], ['path', 'two-holds']), plain('a9')]],
  [
    'an empty value takes a record back',
    [pax(['path', 'b0-lost'], ['path', ''], ['uid', '']), plain('b0', '', { uid: 3 })],
  ],
  ['PAX numbers', [pax(['uid', '70000'], ['gid', '+80000'], ['mtime', '1234567890.987654321']), plain('b1')]],
  ['times before 1970', [pax(['mtime', '-1.5']), plain('b2')]],
  ['times after all', [pax(['mtime', '99999999999']), plain('b3')]],
  [
    'other times and a charset',
    [pax(['atime', '1'], ['ctime', '2'], ['hdrcharset', 'BINARY'], ['comment', 'x']), plain('b4')],
  ],
  ['a size in PAX', [pax(['size', '3']), patched(plain('b5', 'abc'), [124, '00000000000'])]],
  ['a prefix of ustar', [patched(plain('b6'), [345, 'prefix/of'])]],
  ['a prefix in old GNU headers', [patched(plain('b7'), GNU, [345, 'go-prefix'])]],
  ['no prefix where GNU has times', [patched(plain('b8'), GNU, [345, '00000001750\0'])]],
  [
    'a star header',
    [patched(plain('b9'), [345, 'star'], [476, '00000001750\0'], [488, '00000001750\0'], [508, 'tar\0'])],
  ],
  ['spaces around numbers', [patched(plain('c0'), [108, '     11 '], [116, '\x00\x00\x0012\x00'])]],
  ['a directory of v7', [patched(plain('c1/'), [156, '\0'], [257, '\0\0\0\0\0\0\0\0'])]],
  ['a file whose name ends in a slash', [plain('c2/', 'x')]],
  ['.. in names', [plain('../c3'), plain('c4/../c5'), plain('/c6'), plain('./c7'), plain('x/../../../c8')]],
  ['.. in hardlinks', [plain('c9', 'x'), plain('d0', '', { flag: '1', linkName: '../y/../c9' })]],
  ['a link with a size', [plain('d1', '', { flag: '2', linkName: 't', size: 512 })]],
  [
    'sparse 0.0, 0.1 and 1.0',
    [
      pax(
        ['GNU.sparse.size', '20'],
        ['GNU.sparse.numblocks', '1'],
        ['GNU.sparse.offset', '5'],
        ['GNU.sparse.numbytes', '3'],
      ),
      plain('d2', 'abc'),
      pax(
        ['GNU.sparse.size', '9'],
        ['GNU.sparse.realsize', '99'],
        ['GNU.sparse.numblocks', '1'],
        ['GNU.sparse.map', '1,3'],
        ['GNU.sparse.name', 'sparse-name'],
      ),
      plain('d3', 'abc'),
      pax(
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '30'],
        ['GNU.sparse.name', 'sparse-1.0'],
      ),
      plain('d4', `${'1\n10\n3\n'.padEnd(512, '\0')}abc`),
    ],
  ],
  ['a sparse name of a file that is not', [pax(['GNU.sparse.name', 'not-me']), plain('d5', 'x')]],
  [
    'a sparse version of nobody',
    [
      pax(['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0'], ['GNU.sparse.map', '1,3']),
      plain('d6', 'abc'),
    ],
  ],
]

const refused: [string, Buffer[]][] = [
  ...['.wh.', '.wh..', '.wh...'].map((name): [string, Buffer[]] => [name, [plain('a', 'x'), plain(name)]]),
  ['a/.wh..', [plain('a/', '', { flag: '5', mode: 0o755 }), plain('a/.wh..')]],
  ['a PAX record with a wrong length', [special('x', Buffer.from('99 a=b\n')), plain('a')]],
  ['a global one', [special('g', Buffer.from('99 a=b\n')), plain('a')]],
  ['an owner that is none', [pax(['uid', '1.5']), plain('a')]],
  ['a time that is none', [pax(['mtime', 'soon']), plain('a')]],
  ['a size that is none', [pax(['size', '-1']), plain('a')]],
  ['a zero byte in a path', [pax(['path', 'a\0b']), plain('a')]],
  ['a sparse map without order', [pax(['GNU.sparse.numbytes', '1']), plain('a')]],
  [
    'a sparse map of other parts',
    [
      pax(['GNU.sparse.map', '0,1,2,1'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.size', '9']),
      plain('a', 'ab'),
    ],
  ],
  ['a hardlink to nothing', [plain('a', '', { flag: '1', linkName: 'none' })]],
  ['a path of 5,000 bytes', [long('L', `${'d/'.repeat(2500)}f`), plain('a')]],
  ['a name of 256 bytes', [long('L', 'n'.repeat(256)), plain('a')]],
  ['a long name of 2 MiB', [special('L', Buffer.alloc(2 << 20, 'n')), plain('a')]],
]

const layerOf = (entries: readonly Buffer[]): Buffer => Buffer.concat([...entries, END_OF_TAR])

/** @returns what the engine unpacked, as a tar; undefined when it refuses the layer */
async function unpackedByDocker(layer: Buffer): Promise<Buffer> {
  const docker = await dockerEngine()
  const config = JSON.stringify({
    os: 'linux',
    architecture: 'amd64',
    config: { Cmd: ['none'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  })
  const name = `headstart-unpack-test:${digestOf(layer).slice(7, 27)}`
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['l/layer.tar'] }])
  const archive = await tarOf([
    file('config.json', config),
    dir('l'),
    file('l/layer.tar', layer),
    file('manifest.json', manifest),
  ])
  await followed(docker, await docker.loadImage(Readable.from([archive])))
  try {
    const container = await docker.createContainer({ Image: name })
    try {
      const chunks: Buffer[] = []
      for await (const chunk of await container.export()) chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    } finally {
      await container.remove()
    }
  } finally {
    await docker.getImage(name).remove()
  }
}

/** Of a tree: what an engine adds by itself is left out, as are fractions, which an export cuts. */
function listing(folder: string): string[] {
  const script = `find . -mindepth 1 -printf '%P %y %m %U:%G %s %Ts %l\\n' | sed -E 's/^(\\S+ d \\S+ \\S+) [0-9]+/\\1/'; find . -type f -exec sha256sum {} +`
  return execFileSync('sh', ['-c', script], { cwd: folder, encoding: 'latin1' })
    .split('\n')
    .filter((line) => line !== '' && !/^(?:\S{64} +\.\/)?(?:dev|etc|proc|sys|\.dockerenv)\b/.test(line))
    .map((line) => line.replace(/^(x d .*) \d+ $/, '$1'))
    .sort()
}

async function unpackedByUs(layer: Buffer, folder: string): Promise<void> {
  const descriptor = { mediaType: 'x', digest: digestOf(layer), size: layer.length }
  await unpackLayers({ layers: [{ ...bytesBlob(descriptor, layer), diffId: digestOf(layer) }] }, folder)
}

test('every dialect comes out as Docker unpacks it', async () => {
  await using temp = await tempFolder()
  const layer = layerOf(sound.flatMap(([, entries]) => entries))
  const [ours, theirs] = [await temp.sub('ours'), await temp.sub('theirs')]
  await unpackedByUs(layer, ours)
  const tar = await unpackedByDocker(layer)
  execFileSync('tar', ['-C', theirs, '-xpf', '-', '--numeric-owner', '--same-owner'], { input: tar })
  // Directories that no entry names have today's time.
  const look = (folder: string) => listing(folder).map((line) => line.replace(/^(\S+ d .*?) \d+ $/, '$1'))
  expect(look(theirs).length).toBeGreaterThan(sound.length)
  expect(look(ours)).toEqual(look(theirs))
})

test.each(refused)('Docker refuses it, and so do we: %s', async (_, entries) => {
  await using temp = await tempFolder()
  const layer = layerOf(entries)
  const folder = `${temp.path}/root`
  await mkdir(folder)
  await expect(unpackedByUs(layer, folder)).rejects.toMatchObject({ name: 'HeadstartError' })
  await expect(unpackedByDocker(layer)).rejects.toThrow()
})
