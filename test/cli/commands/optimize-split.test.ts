/** `headstart optimize --split` from a recorded start to a lazy mount, and what it refuses. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { until } from '../../../scripts/support/until.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

const run = promisify(execFile)
const BLOCK = 64 << 10
/** Eight megabytes that don't compress, and are the same every time. */
const content = Buffer.alloc(8 << 20)
for (let at = 0, state = 1; at < content.length; at += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  content.writeUInt32LE(state, at)
}

const inspected = z.object({
  layers: z.array(
    z.object({
      estargz: z.object({ zoneBytes: z.number(), splitFiles: z.number() }),
      entries: z.array(
        z.object({ path: z.string(), ahead: z.array(z.tuple([z.number(), z.number()])).optional() }),
      ),
    }),
  ),
})

/** Reads two places of a file. @returns the image */
const original = (box: Sandbox) =>
  busyboxImage(join(box.folder, 'image'), {
    command: `dd if=/big bs=${BLOCK} count=1 of=/dev/null; dd if=/big bs=${BLOCK} skip=80 count=1 of=/dev/null; echo started; sleep 60`,
    app: [file('big', content)],
  })

async function succeeded(box: Sandbox, ...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await box.run(args)
  expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
  return stdout
}

test('only what is read of a large file goes ahead; the file reads the same; doing it again changes nothing', async () => {
  await using box = await sandbox()
  const image = await original(box)
  const start = ['--engine', 'runc', '--network', 'none', '--ready-log', 'started']
  await succeeded(box, 'profile', image, ...start, '-o', 'trace.json')
  const options = ['--trace', 'trace.json', '--split', 'always', '--explain']
  const said = await succeeded(box, 'optimize', image, 'oci:split', ...options)
  expect(said).toMatch(
    /^big +ranges .* read in part, and only that is prefetched: \d ranges? of 8.4 MB, in \d+ chunks?$/m,
  )
  expect(await succeeded(box, 'verify', 'oci:split')).toContain('is sound')

  const { layers } = inspected.parse(
    JSON.parse(await succeeded(box, 'inspect', '--files', '--json', 'oci:split')),
  )
  const [, app] = layers
  expect(app?.estargz.splitFiles).toBe(1)
  expect(app?.estargz.zoneBytes).toBeLessThan(2 << 20)
  const ahead = app?.entries.find(({ path }) => path === 'big')?.ahead ?? []
  for (const at of [0, 80 * BLOCK])
    expect(ahead.some(([from, to]) => from <= at && at + BLOCK <= to)).toBe(true)

  expect(await succeeded(box, 'optimize', 'oci:split', 'oci:again', ...options)).toMatch(/^2 reused/m)

  const folder = join(box.folder, 'mounted')
  await mkdir(folder)
  const mounted = await box.run(['mount', 'oci:split', folder], {
    meanwhile: async (child) => {
      await until('it is mounted', () => child.stderr().includes('is mounted'))
      const { stdout } = await run('cat', [join(folder, 'big')], { encoding: 'buffer', maxBuffer: 16 << 20 })
      expect(stdout.equals(content)).toBe(true)
      child.kill('SIGINT')
    },
  })
  expect(mounted.status, mounted.stderr).toBe(0)
  expect(await box.leftovers()).toEqual([])
})

test('what it needs and does not have is said in a line', async () => {
  await using box = await sandbox()
  const image = await original(box)
  await writeFile(join(box.folder, 'list'), '{"path":"big"}\n')
  const refused = async (...more: readonly string[]) => {
    const { status, stderr } = await box.run(['optimize', image, 'oci:out', '--trace', 'list', ...more])
    expect(status).not.toBe(0)
    return stderr
  }
  expect(await refused('--split')).toMatch(
    /the trace has no byte ranges, which --split needs.*headstart profile/s,
  )
  expect(await refused('--split', '--format', 'zstd:chunked')).toMatch(/can't have byte ranges ahead/)
  expect(await refused('--split', '--format', 'estargz+external-toc', '--keep-diff-id')).toMatch(
    /keep their diffIDs/,
  )
  expect(await refused('--split', 'sometimes')).toMatch(/auto/)
})
