/** A copy that fails, or is interrupted, leaves nothing: no image, no half of one, no temporary file, and what was there before stays. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../image/sources.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { unmountBelow } from '../../system/mounts.ts'
import { runCommand } from '../../system/process/command.ts'
import { markOf, ourselves } from '../../system/process/owner.ts'
import { staleWorkspaces, workspaceRoot } from '../../system/workspace.ts'
import { copy } from '../support/copy.ts'
import { dockerEngine } from '../support/engine.ts'
import { writeImage } from '../support/images.ts'
import { file } from '../support/tar.ts'

const unique = randomBytes(4).toString('hex')
let folder: string
let registry: TestRegistry
let good: string
let damaged: string
let count = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-atomic-'))
  registry = await startRegistry()
  const layers = [[file('small', 'x')], [file('big', randomBytes(4 << 20))]]
  good = await writeImage(join(folder, 'good'), { layers })
  damaged = await writeImage(join(folder, 'damaged'), { layers })
  await using source = await openSource(damaged)
  const { digest, size } = (await source.image()).layers[1]?.descriptor ?? { digest: '', size: 0 }
  await writeFile(join(folder, 'damaged/blobs/sha256', digest.slice(7)), randomBytes(size))
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

interface Place {
  readonly to: string
  /** true when anything is there */
  readonly isThere: () => Promise<boolean>
}

const places: Record<string, () => Place> = {
  oci: () => {
    const path = join(folder, `layout-${++count}`)
    return { to: `oci:${path}:v1`, isThere: () => exists(path) }
  },
  'oci-archive': () => {
    const path = join(folder, `oci-${++count}.tar`)
    return { to: `oci-archive:${path}:v1`, isThere: () => exists(path) }
  },
  'docker-archive': () => {
    const path = join(folder, `docker-${++count}.tar`)
    return { to: `docker-archive:${path}:app:1`, isThere: () => exists(path) }
  },
  docker: () => {
    const to = `docker://${registry.host}/app-${++count}:v1`
    const isThere = async () => {
      await using source = await openSource(to)
      return source.image().then(
        () => true,
        () => false,
      )
    }
    return { to, isThere }
  },
  'docker-daemon': () => {
    const name = `hs-atomic-${unique}-${++count}:v1`
    const isThere = async () => {
      const engine = await dockerEngine()
      return engine.getImage(name).inspect().then(() => true, () => false) // biome-ignore format: a line
    }
    return { to: `docker-daemon:${name}`, isThere }
  },
}

describe.each(Object.keys(places))('%s', (kind) => {
  const make = () => places[kind]?.() ?? { to: '', isThere: async () => true }

  test('a damaged layer: no image, and nothing left over', async () => {
    const { to, isThere } = make()
    const before = await readdir(folder)
    await expect(copy(damaged, to)).rejects.toThrow(/its descriptor says|load|DIGEST_INVALID/)
    expect(await isThere()).toBe(false)
    expect(await readdir(folder)).toEqual(before)
  })

  test('interrupted: no image, and nothing left over', async () => {
    const { to, isThere } = make()
    const before = await readdir(folder)
    await expect(copy(good, to, { abortAt: 500_000 })).rejects.toThrow(/abort/i)
    expect(await isThere()).toBe(false)
    expect(await readdir(folder)).toEqual(before)
  })
})

test('a full disk is said to be one, and nothing stays on it', async () => {
  const disk = join(folder, 'disk')
  await mkdir(disk)
  await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk])
  try {
    for (const place of [`oci:${disk}/out`, `oci-archive:${disk}/out.tar`])
      await expect(copy(good, place)).rejects.toMatchObject({
        code: 'E_DISK_FULL',
        message: expect.stringContaining(`not enough space in ${disk}`),
      })
    await using source = await openSource(good)
    await expect(unpackLayers(await source.image(), disk)).rejects.toMatchObject({ code: 'E_DISK_FULL' })
    await rm(join(disk, 'big'))
    expect(await readdir(disk)).toEqual(['small'])
  } finally {
    await unmountBelow(disk)
  }
})

test('two tags of a layout live side by side, and a folder of other things is not written to', async () => {
  await copy(good, `oci:${folder}/two:v1`)
  await copy(good, `oci:${folder}/two:v2`)
  for (const tag of ['v1', 'v2']) await copy(`oci:${folder}/two:${tag}`, `oci:${folder}/two-${tag}`)
  await expect(copy(good, `oci:${folder}`)).rejects.toThrow(/is not an OCI layout/)
  await writeFile(join(folder, 'a-file'), '')
  await expect(copy(good, `oci:${folder}/a-file`)).rejects.toThrow(/not a folder/)
  await expect(copy(good, `oci-archive:${folder}/a-file`)).rejects.toThrow(/already exists/)
})

test.each(['oci', 'oci-archive'])('%s: what a killed copy left goes with the next one', async (kind) => {
  const out = join(folder, `killed-${kind}`)
  const child = spawn('true')
  await once(child, 'exit')
  const mark = markOf({ ...(await ourselves()), pid: child.pid ?? 0 })
  const name = `.headstart-${mark}-0123456789ab`
  const left = kind === 'oci' ? join(out, 'blobs/sha256', name) : `${out}${name}`
  await mkdir(dirname(left), { recursive: true })
  if (kind === 'oci') await writeFile(join(out, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  if (kind === 'oci') await writeFile(join(out, 'index.json'), '{"schemaVersion":2,"manifests":[]}')
  await writeFile(left, 'half')
  await copy(good, `${kind}:${out}`)
  expect(await exists(left)).toBe(false)
})

test('an engine’s image that was spooled leaves no workspace', async () => {
  const name = `docker-daemon:hs-atomic-${unique}-spool:v1`
  await copy(good, name)
  const ours = async () =>
    (await readdir(workspaceRoot())).filter((entry) => entry.startsWith(`headstart-${process.pid}-`))
  await copy(name, `oci:${folder}/spooled`)
  expect(await ours()).toEqual([])
  expect((await staleWorkspaces()).filter(({ id }) => id.includes(`-${process.pid}-`))).toEqual([])
  await (await dockerEngine()).getImage(name.slice('docker-daemon:'.length)).remove()
})
