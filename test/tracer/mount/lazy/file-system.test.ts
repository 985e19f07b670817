/** eStargz images mounted lazily: right bytes, few requests, and no byte that wasn't checked. */
import { randomBytes } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { serveImages } from '../../../../image/serve.ts'
import { openSource } from '../../../../image/sources.ts'
import { runCommand } from '../../../../system/process/command.ts'
import { type LazyTree, lazyTree } from '../../../../tracer/mount/lazy/tree.ts'
import { mountFileSystem, type ServerName } from '../../../../tracer/mount/mount.ts'
import { tempFolder } from '../../../support/temp.ts'
import { readAt } from '../random-tree.ts'
import { type LazyLayerSpec, writeLazyImage } from './estargz-image.ts'

const bin = randomBytes(300_000)
const big = randomBytes(1_000_000)
const small = ['one', 'two', 'three'].map((text) => Buffer.from(text.repeat(100)))

const dir = (name: string) => ({ name, entry: { type: 'dir', mode: 0o755 } }) as const

const layers: LazyLayerSpec[] = [
  {
    zone: [dir('usr/'), dir('usr/bin/'), { name: 'usr/bin/app', content: bin, entry: { mode: 0o4755 } }],
    rest: [
      dir('data/'),
      { name: 'data/big', content: big },
      { name: 'data/hidden', content: Buffer.from('gone') },
      { name: 'data/one', content: small[0] ?? Buffer.alloc(0) },
      { name: 'data/two', content: small[1] ?? Buffer.alloc(0), shared: true },
      { name: 'data/three', content: small[2] ?? Buffer.alloc(0), shared: true },
      { name: 'data/empty' },
    ],
    chunkSize: 100_000,
  },
  {
    zone: [{ name: 'etc/app.conf', content: Buffer.from('port = 1\n') }],
    rest: [
      { name: 'data/.wh.hidden' },
      { name: 'usr/bin/link', entry: { type: 'symlink', linkName: 'app' } },
      { name: 'usr/bin/hard', entry: { type: 'hardlink', linkName: 'usr/bin/app' } },
      { name: 'null', entry: { type: 'char', devMajor: 1, devMinor: 3, mode: 0o666 } },
    ],
  },
]

async function mounted(options: {
  prefetch: LazyTree['prefetch']
  specs?: LazyLayerSpec[]
  server?: ServerName
}) {
  const stack = new AsyncDisposableStack()
  const temp = stack.use(await tempFolder())
  try {
    const reference = await writeLazyImage(await temp.sub('image'), options.specs ?? layers)
    const mount = stack.use(
      await mountFileSystem({
        mountPoint: await temp.sub('mount'),
        tree: {
          ...lazyTree({ reference, prefetch: options.prefetch }),
          cacheFolder: await temp.sub('cache'),
        },
        record: false,
        ...(options.server && { server: options.server }),
      }),
    )
    return {
      mount,
      at: (path: string) => join(mount.folder, path),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

describe.each<ServerName>(['fuse-native', 'kernel'])('%s', (server) => {
  test('hardlinks to themselves, in a ring, to a directory and to nothing are not there, and all else is', async () => {
    const link = (name: string, linkName: string) =>
      ({ name, entry: { type: 'hardlink', linkName } }) as const
    const rings = [link('self', 'self'), link('a', 'b'), link('b', 'c'), link('c', 'a'), link('to-a', 'a')]
    const rest = [
      ...[dir('d/'), { name: 'd/file', content: Buffer.from('x') }, link('d/good', 'd/file')],
      ...[...rings, link('d/up', 'd'), link('root', '/'), link('none', 'nowhere'), link('d/file', 'd/file')],
    ]
    // In another layer, too, where they would be looked for in the one below.
    await using image = await mounted({
      server,
      prefetch: 'zone',
      specs: [{ rest }, { rest: [{ name: 'e', content: Buffer.from('y') }, ...rings] }],
    })
    expect((await readdir(image.at(''))).sort()).toEqual(['d', 'e'])
    expect((await readdir(image.at('d'))).sort()).toEqual(['file', 'good'])
    for (const name of ['file', 'good']) expect(await readFile(image.at(`d/${name}`), 'utf8')).toBe('x')
    for (const name of ['self', 'a', 'to-a', 'none'])
      await expect(lstat(image.at(name))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('the layers appear as one tree', async () => {
    await using image = await mounted({ server, prefetch: 'zone' })
    expect((await readdir(image.at(''))).sort()).toEqual(['data', 'etc', 'null', 'usr'])
    expect((await readdir(image.at('data'))).sort()).toEqual(['big', 'empty', 'one', 'three', 'two'])
    expect(await readlink(image.at('usr/bin/link'))).toBe('app')
    expect((await lstat(image.at('usr/bin/app'))).mode & 0o7777).toBe(0o4755)
    expect((await lstat(image.at('usr/bin/hard'))).ino).toBe((await lstat(image.at('usr/bin/app'))).ino)
    expect((await lstat(image.at('etc'))).mode & 0o7777).toBe(0o755)
    expect((await lstat(image.at('null'))).isCharacterDevice()).toBe(true)
    expect(await readFile(image.at('usr/bin/hard'))).toEqual(bin)
    expect(await readFile(image.at('data/big'))).toEqual(big)
    expect(await readFile(image.at('data/empty'))).toEqual(Buffer.alloc(0))
    for (const [index, name] of ['one', 'two', 'three'].entries())
      expect(await readFile(image.at(`data/${name}`))).toEqual(small[index])
    expect(image.mount.totals).toEqual({ files: 7, bytes: 1_300_000 + 300 + 300 + 500 + 9 })
  })

  test('the zone takes one request a layer, and is not fetched again', async () => {
    await using image = await mounted({ server, prefetch: 'zone' })
    await readFile(image.at('usr/bin/app'))
    await readFile(image.at('etc/app.conf'))
    const { prefetch, onDemand, toc } = await image.mount.counters()
    expect(prefetch.requests).toBe(2)
    expect(onDemand).toEqual({ requests: 0, bytes: 0 })
    expect(toc.requests).toBe(2)
  })

  test('without prefetch a read fetches its chunks, those of a shared member at once, and each once', async () => {
    await using image = await mounted({ server, prefetch: 'none' })
    expect((await image.mount.counters()).prefetch.requests).toBe(0)
    const middle = 450_000
    await Promise.all(Array.from({ length: 8 }, () => readAt(Buffer.from(image.at('data/big')), middle, 10)))
    const first = (await image.mount.counters()).onDemand
    // A page of readahead reaches into the neighbours, no further.
    expect(first.requests).toBeLessThanOrEqual(2)
    expect(first.bytes).toBeLessThan(400_000)
    await readFile(image.at('data/one'))
    const second = (await image.mount.counters()).onDemand
    await readFile(image.at('data/two'))
    await readFile(image.at('data/three'))
    const third = (await image.mount.counters()).onDemand
    expect(second.requests).toBe(first.requests + 1)
    expect(third).toEqual(second)
  })

  test('attributes of the image are seen, but for overlayfs’s own', async () => {
    const xattrs = { 'user.note': Buffer.from('hi').toString('base64'), 'trusted.overlay.opaque': 'eQ==' }
    await using image = await mounted({
      prefetch: 'none',
      specs: [
        {
          rest: [
            { name: 'd/', entry: { type: 'dir', mode: 0o755, xattrs } },
            { name: 'd/file', content: bin },
          ],
        },
      ],
    })
    const dump = await runCommand('getfattr', ['-d', '-m', '-', image.at('d'), '--absolute-names'])
    expect(dump).toContain('user.note="hi"')
    expect(dump).not.toContain('overlay')
  })

  test('a damaged chunk is an error to whoever reads it, and nothing else', async () => {
    const damage = (blob: Buffer) => {
      const at = Math.floor(blob.length / 2)
      blob[at] = (blob[at] ?? 0) ^ 0xff
    }
    const [base] = layers
    if (!base) throw new Error('no layer')
    await using image = await mounted({ server, prefetch: 'none', specs: [{ ...base, damage }] })
    await expect(readFile(image.at('data/big'))).rejects.toThrow(/EIO/)
    expect(await readFile(image.at('usr/bin/app'))).toEqual(bin)
  })

  test('times before 1970', async () => {
    const at = (name: string, modtime: string) => ({ name, entry: { modtime } })
    await using image = await mounted({
      server,
      prefetch: 'none',
      specs: [
        {
          rest: [
            at('old', '1969-12-31T23:59:58Z'),
            at('older', '1901-12-13T20:45:51Z'),
            at('epoch', '1970-01-01T00:00:00Z'),
            { name: 'd/', entry: { type: 'dir', mode: 0o755, modtime: '0001-01-01T00:00:00Z' } },
            { name: 'content', content: bin, entry: { modtime: '1960-02-29T12:00:00Z' } },
          ],
        },
      ],
    })
    const times = await runCommand('stat', ['-c', '%n %Y %X %Z', 'old', 'older', 'epoch', 'd', 'content'], {
      cwd: image.mount.folder,
    })
    const secondsOf = (text: string) => Date.parse(text) / 1000
    expect(times.trim().split('\n')).toEqual(
      [
        ['old', -2],
        ['older', -2_147_483_649],
        ['epoch', 0],
        ['d', secondsOf('0001-01-01T00:00:00Z')],
        ['content', secondsOf('1960-02-29T12:00:00Z')],
      ].map(([name, time]) => `${name} ${time} ${time} ${time}`),
    )
    expect(await readFile(image.at('content'))).toEqual(bin)
  })
})

test('a damaged zone fails the mount, in a line', async () => {
  const damage = (blob: Buffer) => {
    blob[1000] = (blob[1000] ?? 0) ^ 0xff
  }
  const [base] = layers
  if (!base) throw new Error('no layer')
  await expect(mounted({ prefetch: 'zone', specs: [{ ...base, damage }] })).rejects.toThrow(/chunk|member/)
})

test.each([
  [
    'a path 100,000 deep',
    'd/'.repeat(100_000),
    /^the table of contents, "d\/d.* has 199999 bytes; 4095 is the limit$/,
  ],
  ['a name of 256 bytes', 'n'.repeat(256), /^the table of contents, "nn.*has 256 bytes; 255 is the limit$/],
])('%s fails the mount, in a line', async (_, name, complaint) => {
  const failing = mounted({
    prefetch: 'none',
    specs: [{ rest: [{ name: 'file', content: Buffer.from('x') }, dir(name)] }],
  })
  await expect(failing).rejects.toMatchObject({
    code: 'E_ESTARGZ',
    message: expect.stringMatching(complaint),
  })
})

test.each<ServerName>(['fuse-native', 'kernel'])(
  '%s: an attribute without a name fails the mount, in a line',
  async (server) => {
    for (const [name, complaint] of [
      ['', 'the table of contents, "file": an extended attribute has no name'],
      ['user.a\0b', 'the table of contents, "file": an extended attribute\'s name contains a NUL byte'],
    ] as const) {
      const specs = [
        {
          rest: [{ name: 'file', content: bin, entry: { xattrs: { [name]: 'eQ==', 'user.good': 'eQ==' } } }],
        },
      ]
      await expect(mounted({ server, prefetch: 'none', specs })).rejects.toMatchObject({
        code: 'E_ESTARGZ',
        message: complaint,
      })
    }
  },
)

test('from a registry, the same', async () => {
  await using temp = await tempFolder()
  await using source = await openSource(await writeLazyImage(await temp.sub('image'), layers))
  await using server = await serveImages({ 'app:1': await source.image() })
  const reference = `docker://${server.host}/app:1`
  await using mount = await mountFileSystem({
    mountPoint: await temp.sub('mount'),
    tree: { ...lazyTree({ reference, prefetch: 'zone' }), cacheFolder: await temp.sub('cache') },
    record: false,
  })
  expect(await readFile(join(mount.folder, 'data/big'))).toEqual(big)
  expect(await readFile(join(mount.folder, 'usr/bin/app'))).toEqual(bin)
  expect(mount.lazy?.reference).toBe(reference)
})
