/** `trace export` and `trace import` with the forms of other tools; what can't be written leaves nothing behind. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseTrace, writeTrace } from '../../tracer/trace/file.ts'
import { writeZtoc } from '../image/soci/write-ztoc.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { file, symlink } from '../support/tar.ts'
import { traceFile, traceOf } from '../tracer/trace/traces.ts'

let box: Sandbox
let image: string

beforeAll(async () => {
  box = await sandbox()
  image = await writeImage(join(box.folder, 'image'), {
    layers: [
      [file('bin/app', 'x'.repeat(100)), file('etc/conf', 'y'.repeat(50))],
      [file('etc/late', 'z'), symlink('run', 'bin/app')],
    ],
  })
  await writeTrace(
    join(box.folder, 'trace.json'),
    traceOf([
      traceFile('bin/app', { ranges: [[10, 20]] }),
      traceFile('run', { type: 'symlink', ranges: [], size: 0 }),
      traceFile('etc/conf', { size: 50, ranges: [[0, 50]] }),
      traceFile('etc/late', { afterReady: true, ranges: [[0, 1]] }),
    ]),
  )
  await writeTrace(join(box.folder, 'unread.json'), traceOf([traceFile('bin/app', { ranges: [] })]))
})

afterAll(() => box[Symbol.asyncDispose]())

async function exported(format: string, ...rest: string[]): Promise<string> {
  const { status, stderr, stdout } = await box.run([
    ...['trace', 'export', 'trace.json', ...rest],
    ...['--format', format, '-o', 'out'],
  ])
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/written to out/)
  return readFile(join(box.folder, 'out'), 'utf8')
}

test.each([
  ['prefetch-list', '/bin/app\n/etc/conf\n'],
  ['nydus-patterns', '/bin/app\n/etc/conf\n'],
  ['overlaybd', '/bin/app\n/etc/conf\n'],
  ['soci', '["/bin/app","/etc/conf"]\n'],
  [
    'nydus',
    '{"version":"v1","files":[{"path":"/bin/app","ranges":[[10,10]]},{"path":"/etc/conf","ranges":[[0,50]]}]}\n',
  ],
])('%s, which needs no image, goes out and comes in again', async (format, text) => {
  expect(await exported(format)).toBe(text)
  const { status, stderr } = await box.run(['trace', 'import', 'out', image, '-o', 'back.json'])
  expect(status, stderr).toBe(0)
  const { files } = parseTrace(await readFile(join(box.folder, 'back.json'), 'utf8'), 'back')
  expect(files.map(({ path, ranges }) => [path, ...ranges])).toEqual([
    ['bin/app', format === 'nydus' ? [10, 20] : [0, 100]],
    ['etc/conf', [0, 50]],
  ])
})

test('stargz, without being asked for', async () => {
  const { status } = await box.run(['trace', 'export', 'trace.json', image, '-o', 'record'])
  expect(status).toBe(0)
  const lines = (await readFile(join(box.folder, 'record'), 'utf8')).trim().split('\n')
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { path: 'bin/app', layerIndex: 0 },
    { path: 'run', layerIndex: 1 },
    { path: 'etc/conf', layerIndex: 0 },
  ])
})

async function refused(...args: string[]): Promise<string> {
  const { status, stderr } = await box.run(['trace', 'export', ...args, '-o', 'none'])
  expect(status, stderr).toBeGreaterThan(0)
  expect(existsSync(join(box.folder, 'none'))).toBe(false)
  const said = stderr.slice(stderr.lastIndexOf('headstart: ') + 'headstart: '.length).trimEnd()
  expect(said.split('\n').length, said).toBeLessThanOrEqual(2)
  return said
}

test('what can’t be exported, in a line', async () => {
  expect(await refused('trace.json', '--format', 'tar')).toMatch(/tar/)
  expect(await refused('trace.json', image, '--format', 'soci-spans')).toMatch(/needs the zTOC of a layer/)
  expect(await refused('trace.json', '--format', 'soci', '--ztoc', 'x')).toMatch(/^--ztoc is for soci-spans/)
  expect(await refused('unread.json', '--format', 'nydus')).toMatch(
    /no byte ranges that were read before ready/,
  )
  const spans = ['trace.json', image, '--format', 'soci-spans', '--ztoc']
  expect(await refused(...spans, 'nowhere')).toMatch(/^the zTOC nowhere can't be read: /)
  expect(await refused(...spans, 'trace.json')).toMatch(/^trace\.json is not a zTOC: /)
})

test('a zTOC of another image, of the same size or not', async () => {
  const manifest: unknown = JSON.parse((await box.run(['inspect', image, '--json'])).stdout)
  const sizes = JSON.stringify(manifest).match(/"size":\d+/g) ?? []
  const paths = ['bin/app', 'etc/other']
  for (const size of [12_345, ...sizes.map((text) => Number(text.slice(7)))]) {
    const ztoc = writeZtoc({
      files: paths.map((path, index) => ({ path, offset: 512 + 1024 * index, size: 50 })),
      compressedSize: size,
      checkpoints: [{ offset: 0, first: 10 }],
      maxSpan: 0,
    })
    await writeFile(join(box.folder, 'other.ztoc'), ztoc)
    expect(await refused('trace.json', image, '--format', 'soci-spans', '--ztoc', 'other.ztoc')).toMatch(
      /^other\.ztoc is not the zTOC of any layer of /,
    )
  }
})

test('with -o - it is all that is on stdout, byte for byte', async () => {
  const [inFile, onStdout] = [
    await exported('nydus'),
    await box.run(['trace', 'export', 'trace.json', '--format', 'nydus', '-o', '-']),
  ]
  expect(onStdout).toEqual({ status: 0, stdout: inFile, stderr: '2 files, written to stdout\n' })
  const imported = await box.run(['trace', 'import', 'out', image, '-o', '-'])
  expect(imported).toMatchObject({ status: 0, stderr: expect.stringMatching(/files, written to stdout$/m) })
  const merged = await box.run(['--quiet', 'trace', 'merge', 'trace.json', 'trace.json', '-o', '-'])
  expect(merged.stderr).toBe('')
  expect(parseTrace(merged.stdout, 'stdout').run.runs).toBe(2)
  expect(parseTrace(imported.stdout, 'stdout').files).toHaveLength(2)
  expect(existsSync(join(box.folder, '-'))).toBe(false)
  const full = await box.run(['trace', 'export', 'trace.json', '--format', 'soci', '-o', '-'], {
    under: ['sh', '-c', 'exec "$0" "$@" >/dev/full'],
  })
  expect(full).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^headstart: stdout can't be written: no space is left on the disk$/m),
  })
  expect(full.stderr).not.toContain('written to stdout')
})
