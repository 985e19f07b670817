/** The mount against the folder under it: the same answers to the same questions, whatever the tree looks like. */

import { execFile } from 'node:child_process'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mountFileSystem, type ServerName } from '../../../tracer/mount/mount.ts'
import { tempFolder } from '../../support/temp.ts'
import { item, makeTree, readAt } from './random-tree.ts'

const run = promisify(execFile)

const TIMES = [
  ['old', '1969-12-31 23:59:58.500 UTC'],
  ['older', '1901-12-31 00:00:00.123456789 UTC'],
  ['epoch', '1970-01-01 00:00:00 UTC'],
] as const

/** What there is to compare, or the error's code. */
async function ask<T>(question: () => Promise<T>): Promise<T | string> {
  try {
    return await question()
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

async function statOf(path: Buffer) {
  const { mode, uid, gid, size, nlink, rdev, mtimeMs } = await lstat(path)
  const isFolder = (mode & 0o170000) === 0o040000
  return { mode, uid, gid, size: isFolder ? 0 : size, nlink: isFolder ? 0 : nlink, rdev, mtimeMs }
}

describe.each<ServerName>(['fuse-native', 'kernel'])('%s', (server) => {
  test('random trees: attributes, listings, links and content are those of the plain folder', async () => {
    const questions = fc.array(
      fc.record({ which: fc.nat(), offset: fc.nat(400_000), length: fc.nat(200_000) }),
      {
        minLength: 20,
        maxLength: 40,
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 5, maxLength: 40 }), questions, async (items, asked) => {
        await using temp = await tempFolder()
        const plain = await temp.sub('plain')
        const made = makeTree(plain, items)
        await using mount = await mountFileSystem({
          mountPoint: await temp.sub('mount'),
          tree: { kind: 'directory', folder: plain },
          record: true,
          server,
        })
        const both = (path: Buffer) =>
          [plain, mount.folder].map((root) => Buffer.concat([Buffer.from(`${root}/`), path]))
        const same = async (path: Buffer, question: (at: Buffer) => Promise<unknown>) => {
          const [expected, actual] = await Promise.all(both(path).map((at) => ask(() => question(at))))
          expect(actual, path.toString()).toEqual(expected)
        }
        for (const { path, kind } of [...made, { path: Buffer.from('missing'), kind: 'file' }]) {
          await same(path, statOf)
          if (kind === 'dir')
            await same(path, async (at) =>
              (await readdir(at, 'buffer')).map((name) => name.toString('latin1')).sort(),
            )
          if (kind === 'symlink') await same(path, (at) => readlink(at, 'buffer'))
          await same(Buffer.concat([path, Buffer.from('/missing')]), statOf)
        }
        const files = made.filter(({ kind }) => kind === 'file' || kind === 'sparse' || kind === 'hardlink')
        for (const { which, offset, length } of files.length > 0 ? asked : []) {
          const path = files[which % files.length]?.path
          if (path) await same(path, (at) => readAt(at, offset, length))
        }
      }),
      { numRuns: 8 },
    )
  })

  test('the mount refuses writes, and gives attributes back', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    await run('cp', ['/bin/true', join(plain, 'tool')])
    await run('setfattr', ['-n', 'user.note', '-v', 'hello', join(plain, 'tool')])
    await run('setcap', ['cap_net_raw+ep', join(plain, 'tool')])
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: false,
      server,
    })
    await expect(run('sh', ['-c', `echo x > ${mount.folder}/new`])).rejects.toThrow(/Read-only/)
    await run(join(mount.folder, 'tool'))
    const dump = async (folder: string) =>
      (await run('getfattr', ['-d', '-m', '-', '-e', 'hex', 'tool'], { cwd: folder })).stdout
    expect(await dump(mount.folder)).toBe(await dump(plain))
    expect((await run('getcap', [join(mount.folder, 'tool')])).stdout).toContain('cap_net_raw')
    await expect(run('getfattr', ['-n', 'user.none', join(mount.folder, 'tool')])).rejects.toThrow(
      /No such attribute/,
    )
  })

  test('names of attributes are bytes: not ASCII, not UTF-8, with signs that a dump of them escapes', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    const make = [
      'import os',
      'open("file", "w").close()',
      'for name in [b"user.caf\\xc3\\xa9", b"user.\\xff\\xe9", b"user.a=b\\\\c"]: os.setxattr("file", name, b"of " + name)',
    ]
    await run('python3', ['-c', make.join('\n')], { cwd: plain })
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: false,
      server,
    })
    const list =
      'import os; print(sorted((os.fsencode(n), os.getxattr("file", n)) for n in os.listxattr("file")))'
    const dump = async (folder: string) => (await run('python3', ['-c', list], { cwd: folder })).stdout
    expect(await dump(mount.folder)).toBe(await dump(plain))
    expect((await dump(plain)).split('of user.')).toHaveLength(4)
  })

  test('times before 1970, and parts of a second', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    for (const [name, time] of TIMES) await run('touch', ['-d', time, join(plain, name)])
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: true,
      server,
    })
    const times = async (folder: string) =>
      Promise.all(TIMES.map(async ([name]) => (await lstat(join(folder, name), { bigint: true })).mtimeNs))
    expect(await times(mount.folder)).toEqual(await times(plain))
    await run('cat', [join(mount.folder, 'old')])
    expect((await mount.recording()).files.map(({ path }) => path)).toEqual(['old'])
  })

  test('hardlinks keep one inode number', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    await run('sh', ['-c', 'echo x > a && ln a b && echo x > c'], { cwd: plain })
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: false,
      server,
    })
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => lstat(join(mount.folder, name))))
    expect(a?.ino).toBe(b?.ino)
    expect(a?.ino).not.toBe(c?.ino)
    expect(a?.nlink).toBe(2)
  })

  test('what was read before the start is recorded again when the start reads it', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    await run('sh', ['-c', 'echo content > file && ln -s file link'], { cwd: plain })
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: true,
      server,
    })
    const seen = async () => {
      await run('cat', [join(mount.folder, 'link')])
      return (await mount.recording()).files.map(({ path, opens, ranges }) => [path, opens, ranges])
    }
    const whole = [
      ['link', 1, []],
      ['file', 1, [[0, 8]]],
    ]
    expect(await seen()).toEqual(whole)
    await mount.restart()
    expect((await mount.recording()).files).toEqual([])
    const again = await seen()
    // libfuse 2 can't take back what the kernel keeps of a file: its opens are seen, and its reads if the kernel dropped the pages.
    if (server === 'kernel') expect(again).toEqual(whole)
    else
      expect(again.map(([path, opens]) => [path, opens])).toEqual(whole.map(([path, opens]) => [path, opens]))
  })

  test('many readers at once: each gets the right bytes, each range is recorded', async () => {
    await using temp = await tempFolder()
    const plain = await temp.sub('plain')
    await run('sh', ['-c', 'for i in $(seq 200); do head -c 70000 /dev/urandom > f$i; done'], { cwd: plain })
    await using mount = await mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: plain },
      record: true,
      server,
    })
    const sum = async (folder: string) =>
      (await run('sh', ['-c', 'ls | xargs -P 16 -n 5 sha256sum | sort'], { cwd: folder })).stdout
    expect(await sum(mount.folder)).toBe(await sum(plain))
    const { files } = await mount.recording()
    expect(files).toHaveLength(200)
    for (const file of files) expect(file.ranges).toEqual([[0, 70000]])
  })
})
