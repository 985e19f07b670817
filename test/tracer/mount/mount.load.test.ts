/** The mount where there is much: processes at once, files, bytes in one file, folders within folders. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../../../system/process/command.ts'
import { type Mount, mountFileSystem, type ServerName, type TreeSpec } from '../../../tracer/mount/mount.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

const run = promisify(execFile)

const FOLDERS = 200
const FILES_EACH = 500
const TEN_GB = 10_000_000_000
/** of names of 100 bytes: with the file's name, the longest path there is, of 4095 bytes and a NUL */
const DEPTH = 40

/** In memory, since making and removing it on a disk would take longer than the tests. */
const MAKE = `
import os
for folder in range(${FOLDERS}):
    os.mkdir(f"many-{folder}")
    for file in range(${FILES_EACH}):
        with open(f"many-{folder}/{file}", "w") as out:
            out.write(f"{folder}/{file}")
with open("large", "wb") as out:
    out.truncate(${TEN_GB})
    for at in [0, 1 << 32, ${TEN_GB} - 4]:
        out.seek(at)
        out.write(b"here")
for depth in range(${DEPTH}):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
with open("f" * (4095 - ${DEPTH} * 101), "w") as out:
    out.write("deep")
`

/** From below the root, where the paths are as long as they may be. */
const READ_DEEP = `
import os
path = "/".join(["d" * 100] * ${DEPTH} + ["f" * (4095 - ${DEPTH} * 101)])
print(open(path).read(), os.stat(path).st_size)
`

/** Each of 32 processes opens and reads what it chooses, in its own order; exits with 1 where a byte is wrong. */
const READ_MANY = `
import os, random, sys
children = []
for child in range(32):
    pid = os.fork()
    if pid == 0:
        chosen = random.Random(child)
        for _ in range(150):
            path = f"{chosen.randrange(${FOLDERS})}/{chosen.randrange(${FILES_EACH})}"
            with open(f"many-{path}") as file:
                if file.read() != path:
                    os._exit(1)
        os._exit(0)
    children.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
`

/** What READ_MANY opens. */
const CHOSEN = `
import random
paths = set()
for child in range(32):
    chosen = random.Random(child)
    paths |= {f"many-{chosen.randrange(${FOLDERS})}/{chosen.randrange(${FILES_EACH})}" for _ in range(150)}
print("\\n".join(sorted(paths)))
`

let temp: TempFolder
let plain: string

beforeAll(async () => {
  temp = await tempFolder()
  plain = await temp.sub('plain')
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=2g,nr_inodes=200000', 'headstart', plain])
  await runCommand('python3', ['-c', MAKE], { cwd: plain })
})

afterAll(() => temp[Symbol.asyncDispose]())

describe.each<ServerName>(['fuse-native', 'kernel'])('%s', (server) => {
  let mount: Mount

  beforeAll(async () => {
    const mountPoint = await temp.sub(server)
    const tree: TreeSpec = { kind: 'directory', folder: plain }
    mount = await mountFileSystem({ mountPoint, tree, record: true, server })
  })

  afterAll(() => mount[Symbol.asyncDispose]())

  const python = (script: string) => run('python3', ['-c', script], { cwd: mount.folder })

  const recorded = async (pattern: RegExp) =>
    (await mount.recording()).files.filter(({ path }) => pattern.test(path))

  test('100,000 files: all are listed, and none counts as opened', async () => {
    expect(mount.totals.files).toBe(FOLDERS * FILES_EACH + 2)
    const { stdout } = await run('sh', ['-c', 'find . -type f -name "[0-9]*" | sort | md5sum'], {
      cwd: mount.folder,
    })
    const { stdout: expected } = await run('sh', ['-c', 'find . -type f -name "[0-9]*" | sort | md5sum'], {
      cwd: plain,
    })
    expect(stdout).toBe(expected)
    expect(await recorded(/^/)).toEqual([])
    expect((await mount.recording()).lookups.listings).toBeGreaterThan(FOLDERS)
  })

  test('32 processes at once: right bytes for each, and each file recorded that one of them opened', async () => {
    await python(READ_MANY)
    const chosen = (await python(CHOSEN)).stdout.trim().split('\n')
    const files = await recorded(/^many-/)
    expect(files.map(({ path }) => path).sort()).toEqual(chosen)
    expect(files.reduce((sum, { opens }) => sum + opens, 0)).toBe(32 * 150)
    for (const { size, ranges } of files) expect(ranges).toEqual([[0, size]])
  })

  test('a file of 10 GB: bytes and ranges are right beyond what 32 bits can count', async () => {
    const { stdout } = await python(`
import os
file = os.open("large", os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
print([os.pread(file, 4, at) for at in [0, (1 << 32) - 2, ${TEN_GB} - 4, ${TEN_GB}]], os.fstat(file).st_size)
`)
    expect(stdout.trim()).toBe(`[b'here', b'\\x00\\x00he', b'here', b''] ${TEN_GB}`)
    const [large] = await recorded(/^large$/)
    const page = (at: number): number => at - (at % 4096)
    expect(large?.ranges).toEqual([
      [0, 4096],
      [2 ** 32 - 4096, 2 ** 32 + 4096],
      [page(TEN_GB - 1), TEN_GB],
    ])
  })

  test('a path as long as paths can be', async () => {
    expect((await python(READ_DEEP)).stdout.trim()).toBe('deep 4')
    const [deep] = await recorded(/^d/)
    expect(deep?.path.length).toBe(4095)
    expect(deep?.ranges).toEqual([[0, 4]])
  })
})
