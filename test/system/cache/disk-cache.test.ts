/** The folder that mounts share: bounded, several at once, killed, full, and not trusted where others could write to it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { until } from '../../../scripts/support/until.ts'
import { type DiskCache, openDiskCache } from '../../../system/cache/disk-cache.ts'
import { runCommand } from '../../../system/process/command.ts'
import { NOBODY } from '../../support/nobody.ts'
import { tempFolder } from '../../support/temp.ts'
import { CONTENT_BYTES, contentNumber } from './contents.ts'

const PLENTY = 1 << 30
const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url))

/** All its files, below the folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

const pathOf = async (folder: string, key: string): Promise<string> =>
  (await filesIn(folder)).find((path) => path.endsWith(key.slice(2))) ?? 'none'

async function written(cache: DiskCache, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) {
    const { key, content } = contentNumber(number)
    cache.write(key, content)
  }
  await cache.settled()
}

const has = (cache: DiskCache, number: number): boolean => cache.has(contentNumber(number).key)

async function isRight(cache: DiskCache, number: number): Promise<boolean> {
  const { key, content } = contentNumber(number)
  return (await cache.read(key, CONTENT_BYTES))?.equals(content) === true
}

test('what one wrote another reads, in private folders; before it is written it is there, too', async () => {
  await using temp = await tempFolder()
  const folder = join(temp.path, 'a/cache')
  const cache = await openDiskCache({ folder, bytes: PLENTY })
  const { key, content } = contentNumber(0)
  expect(cache.has(key)).toBe(false)
  expect(await cache.read(key, CONTENT_BYTES)).toBeUndefined()
  cache.write(key, content)
  expect(await isRight(cache, 0)).toBe(true)
  await cache.settled()
  expect(await isRight(await openDiskCache({ folder, bytes: PLENTY }), 0)).toBe(true)
  for (const path of [folder, join(folder, 'v1'), join(await pathOf(folder, key), '..')])
    expect((await stat(path)).mode & 0o777).toBe(0o700)
  expect((await stat(await pathOf(folder, key))).mode & 0o777).toBe(0o600)
})

test('once closed it takes no more, and has what it took before', async () => {
  await using temp = await tempFolder()
  const cache = await openDiskCache({ folder: await temp.sub('c').then(madePrivate), bytes: PLENTY })
  for (const number of [0, 1]) cache.write(contentNumber(number).key, contentNumber(number).content)
  const closed = cache.close()
  cache.write(contentNumber(2).key, contentNumber(2).content)
  await closed
  expect([0, 1, 2].map((number) => has(cache, number))).toEqual([true, true, false])
})

test('a file that is larger than what is asked for is not read', async () => {
  await using temp = await tempFolder()
  const cache = await openDiskCache({ folder: await temp.sub('c').then(madePrivate), bytes: PLENTY })
  await written(cache, 0, 1)
  expect(await cache.read(contentNumber(0).key, CONTENT_BYTES - 1)).toBeUndefined()
})

const madePrivate = async (folder: string): Promise<string> => {
  await chmod(folder, 0o700)
  return folder
}

test('it stays within its bytes: what was used longest ago goes first', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('c').then(madePrivate)
  const onDisk = Math.ceil(CONTENT_BYTES / 4096) * 4096
  const first = await openDiskCache({ folder, bytes: PLENTY })
  await written(first, 0, 40)
  for (let number = 0; number < 40; number++) {
    const used = new Date(Date.UTC(2020, 0, 1, 0, number))
    await utimes(await pathOf(folder, contentNumber(number).key), used, used)
  }
  const cache = await openDiskCache({ folder, bytes: 30 * onDisk })
  expect(await isRight(cache, 0)).toBe(true) // the oldest, but it is used now
  const used = async () => (await stat(await pathOf(folder, contentNumber(0).key))).mtime.getUTCFullYear()
  await until('its use is noted', async () => (await used()) > 2020)
  await written(cache, 100, 101)
  expect(has(cache, 0)).toBe(true)
  expect(has(cache, 100)).toBe(true)
  expect(has(cache, 1)).toBe(false)
  expect(has(cache, 39)).toBe(true)
  const left = (await filesIn(folder)).length
  expect(left).toBeLessThanOrEqual(30)
  expect(left).toBeGreaterThan(20)
})

test('a cache that is smaller than a file takes none, and one that is full has no room', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('c').then(madePrivate)
  const tiny = await openDiskCache({ folder, bytes: 10_000 })
  await written(tiny, 0, 1)
  expect(has(tiny, 0)).toBe(false)
  const cache = await openDiskCache({ folder, bytes: 100_000 })
  expect(await cache.room()).toBe(100_000)
  await written(cache, 0, 2)
  expect(await cache.room()).toBeLessThanOrEqual(100_000 - 2 * CONTENT_BYTES)
})

test.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
  ['others may enter', (folder) => chmod(folder, 0o755), /only its owner can enter/],
  ['others may write to', (folder) => chmod(folder, 0o777), /only its owner can enter/],
  ['belongs to another user', (folder) => chown(folder, NOBODY, NOBODY), /only its owner can enter/],
  [
    'is below one that others may write to',
    (folder) => chmod(join(folder, '..'), 0o777),
    /others may write to/,
  ],
])('a folder that %s is refused, in a line', async (_, spoil, why) => {
  await using temp = await tempFolder()
  const folder = await temp.sub('above/cache').then(madePrivate)
  await spoil(folder)
  await expect(openDiskCache({ folder, bytes: PLENTY })).rejects.toMatchObject({
    code: 'E_CACHE',
    message: expect.stringMatching(why),
  })
})

test.each<[string, (root: string) => Promise<unknown>]>([
  ['belongs to another user', (root) => chown(root, NOBODY, NOBODY)],
  ['others may write to', (root) => chmod(root, 0o777)],
])(
  'a private folder in which another user may have put files, since what is in it %s, is refused',
  async (_, spoil) => {
    await using temp = await tempFolder()
    const folder = await temp.sub('c').then(madePrivate)
    await written(await openDiskCache({ folder, bytes: PLENTY }), 0, 1)
    await spoil(join(folder, 'v1'))
    await expect(openDiskCache({ folder, bytes: PLENTY })).rejects.toMatchObject({
      code: 'E_CACHE',
      message: expect.stringMatching(/v1 in it is not a folder that only its owner can enter/),
      hint: expect.stringContaining('rm -r'),
    })
  },
)

test('a folder that is a file, or can’t be made, is refused; a link to a private one is followed', async () => {
  await using temp = await tempFolder()
  const file = join(temp.path, 'file')
  await writeFile(file, '')
  for (const folder of [file, join(file, 'below')])
    await expect(openDiskCache({ folder, bytes: PLENTY })).rejects.toMatchObject({ code: 'E_CACHE' })
  const folder = await temp.sub('c').then(madePrivate)
  await symlink(folder, join(temp.path, 'link'))
  await written(await openDiskCache({ folder: join(temp.path, 'link'), bytes: PLENTY }), 0, 1)
  expect(await filesIn(folder)).toHaveLength(1)
})

function writer(folder: string, bytes: number, [from, to]: [number, number]) {
  return spawn(process.execPath, [WRITER, folder, `${bytes}`, `${from}`, `${to}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

test('several write the same at once, and remove what is too much: what is there is whole', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('c').then(madePrivate)
  const limit = 60 * CONTENT_BYTES
  const children = [0, 1, 2].map(() => writer(folder, limit, [0, 150]))
  expect(await Promise.all(children.map((child) => once(child, 'exit')))).toEqual(
    children.map(() => [0, null]),
  )
  const cache = await openDiskCache({ folder, bytes: limit })
  const there = Array.from({ length: 150 }, (_, number) => number).filter((number) => has(cache, number))
  expect(there.length).toBeGreaterThan(10)
  for (const number of there) expect(await isRight(cache, number)).toBe(true)
  // Each may add a part before it counts what the others have.
  expect(there.length).toBeLessThan(60 + 3 * 10)
  expect(await filesIn(folder)).toHaveLength(there.length)
})

test('after kill -9 while it writes, what is there is whole, and what is not is removed by the next that writes', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('c').then(madePrivate)
  for (let round = 0; round < 5; round++) {
    const child = writer(folder, PLENTY, [round * 1000, round * 1000 + 1000])
    const ended = once(child, 'exit') // it may end by itself before it is killed
    for await (const _ of createInterface({ input: child.stdout })) break
    while ((await filesIn(folder)).length < (round + 1) * 10) await new Promise(setImmediate)
    child.kill('SIGKILL')
    await ended
  }
  const shard = join(await pathOf(folder, contentNumber(0).key), '..')
  const half = join(shard, `${'0'.repeat(62)}.20000.headstart-1-0-0-00000000-0123456789ab`)
  await writeFile(half, 'half')
  const cache = await openDiskCache({ folder, bytes: PLENTY })
  await written(cache, 9000, 9001)
  const names = (await filesIn(folder)).map((path) => path.split('/').at(-1) ?? '')
  expect(names.filter((name) => name.includes('.headstart-'))).toEqual([])
  for (const path of await filesIn(folder)) expect((await readFile(path)).length).toBe(CONTENT_BYTES)
})

test('a full disk: what does not fit is not there, and nothing fails', async () => {
  await using temp = await tempFolder()
  const folder = await temp.sub('c').then(madePrivate)
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'none', folder])
  try {
    const cache = await openDiskCache({ folder, bytes: PLENTY })
    await written(cache, 0, 10)
    expect(await isRight(cache, 9)).toBe(true)
    await runCommand('sh', ['-c', 'head -c 2M /dev/zero > "$1/filler" || true', 'sh', folder])
    await written(cache, 10, 20)
    expect(has(cache, 19)).toBe(false)
    await rm(join(folder, 'filler'))
    for (let number = 0; number < 10; number++) expect(await isRight(cache, number)).toBe(true)
    expect((await filesIn(folder)).filter((path) => path.includes('.headstart-'))).toEqual([])
    // Some of the disk is left to others.
    const next = await openDiskCache({ folder, bytes: PLENTY })
    await written(next, 0, 200)
    const { bavail, blocks } = await statfs(folder)
    expect(bavail / blocks).toBeGreaterThan(0.02)
  } finally {
    await runCommand('umount', [folder])
  }
})
