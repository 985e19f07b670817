/** Profiles attached to images by the commands, in registries, layouts and archives: pushed, listed, pulled, used by optimize and carried on by it. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { OCI_INDEX } from '../../../image/media-types.ts'
import { openSource } from '../../../image/sources.ts'
import type { Digest, Image } from '../../../image/types.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { parseTrace } from '../../../tracer/trace/file.ts'
import { attachAt, note } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { type Outcome, type Sandbox, sandbox } from '../../support/headstart.ts'
import { writeImage } from '../../support/images.ts'
import { startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let registry: TestRegistry
/** `v2` is a later build: it has one of the files that `v1` starts with, and another one */
let [v1, v2]: [string, string] = ['', '']
let image: Image

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  const layers = (more: string) => [[file('app', 'app'), file(more, more)], [file('rest', 'rest')]]
  v1 = await writeImage(join(box.folder, 'v1'), { layers: layers('old') })
  v2 = await writeImage(join(box.folder, 'v2'), { layers: layers('new') })
  await using source = await openSource(v1)
  image = await source.image()
  await saveTrace('a.json', ['app'], '2026-01-01T00:00:00.000Z')
  await saveTrace('b.json', ['app', 'old'], '2026-02-01T00:00:00.000Z')
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

async function saveTrace(name: string, paths: readonly string[], startedAt: string): Promise<void> {
  const trace = traceOf(paths.map((path) => traceFile(path, { size: 3, ranges: [[0, 3]] })))
  const { digest } = image.descriptor
  const about = { ...trace.image, digest, diffIds: [...image.config.diffIds], reference: 'app:v1' }
  await writeFile(
    join(box.folder, name),
    JSON.stringify({ ...trace, image: about, run: { ...trace.run, startedAt } }),
  )
}

const run = (...args: string[]) => box.run(args)
const done = async (...args: string[]): Promise<Outcome> => {
  const outcome = await run(...args)
  expect(outcome).toMatchObject({ status: 0 })
  return outcome
}
const listSchema = z.object({
  subject: z.string(),
  profiles: z.array(
    z.object({ name: z.string(), digest: z.string(), created: z.string(), files: z.number() }),
  ),
})
const listed = async (place: string) =>
  listSchema.parse(JSON.parse((await done('trace', 'list', place, '--json')).stdout))
const pulled = async (place: string, ...args: string[]) => {
  await done('trace', 'pull', place, '-o', 'pulled.json', ...args)
  const trace = parseTrace(await readFile(join(box.folder, 'pulled.json'), 'utf8'), 'pulled.json')
  return trace.files.map(({ path }) => path).sort()
}
const placeOf = (where: 'registry' | 'layout', name: string) =>
  where === 'layout' ? `oci:${box.folder}/${name}:v1` : `docker://${registry.host}/${name}:v1`

test('a profile is pushed, listed, pulled, used, and goes along', async () => {
  const place = placeOf('registry', 'pushed')
  const digest: Digest = await copy(v1, place)
  await done('trace', 'push', place, 'a.json')
  await done('trace', 'push', place, 'a.json', '--name', 'checkout')
  const { stdout } = await done('trace', 'push', place, 'b.json', '--name', 'checkout')
  expect(stdout).toMatch(RegExp(`^profile checkout \\(sha256:[0-9a-f]{64}\\) is attached to ${digest}$`, 'm'))
  const { subject, profiles } = await listed(place)
  expect(subject).toBe(digest)
  expect(profiles.map(({ name, files }) => [name, files])).toEqual([
    ['checkout', 2],
    ['checkout', 1],
    ['start', 1],
  ])
  expect((await done('trace', 'list', place)).stdout).toMatch(/^checkout +\d+ days ago +1 +2 +6 B +sha256:/m)
  expect(await pulled(place)).toEqual(['app', 'old'])
  expect(await pulled(place, '--name', 'start')).toEqual(['app'])

  const target = placeOf('registry', 'fast')
  const { stderr, stdout: said } = await done('optimize', place, target, '--json')
  expect(stderr).toMatch(
    RegExp(`using profile checkout, recorded \\d+ days ago, attached to .*: ${profiles[0]?.digest}`),
  )
  expect(stderr).toContain('using profile start,')
  expect(
    z.object({ decisions: z.array(z.object({ path: z.string() })) }).parse(JSON.parse(said)).decisions,
  ).toHaveLength(2)
  const carried = await listed(target)
  expect(carried.subject).not.toBe(digest)
  expect(carried.profiles.map(({ name }) => name)).toEqual(['checkout', 'start'])
  const copied = placeOf('registry', 'copied')
  expect((await done('copy', place, copied, '--referrers')).stderr).toContain('3 attached artifacts copied')
  expect(await listed(copied)).toEqual({ subject, profiles })
})

test('an earlier build lends its profile, if enough of it fits', async () => {
  const [earlier, later] = [placeOf('registry', 'earlier'), placeOf('registry', 'later')]
  const bare = placeOf('registry', 'bare')
  await copy(v1, bare)
  await copy(v1, earlier)
  await copy(v2, later)
  await done('trace', 'push', earlier, 'b.json')
  const borrow = (to: string, ...more: string[]) =>
    run('optimize', later, placeOf('registry', to), '--profile-from', earlier, ...more)
  const few = await borrow('few', '--min-coverage', '80%')
  expect(few.status).toBe(4)
  expect(few.stderr).toContain(
    'the image has 1 of the 2 files that the start touched, which cover 50 % of it: at least 80 % is required',
  )
  const enough = await borrow('enough', '--min-coverage', '50%')
  expect(enough).toMatchObject({ status: 0 })
  expect(enough.stderr).toContain('1 of the 2 files in the profile are in this image: it covers 50 % of')
  expect(enough.stderr).not.toContain('warning')
  expect((await listed(placeOf('registry', 'enough'))).profiles).toHaveLength(1)
  // What nobody would use is not attached again: of one name, the newest is enough.
  await done('trace', 'push', later, 'a.json', '--force')
  const both = await borrow('both')
  expect(both.stderr).toContain('1 profile attached to the new image, too')
  const none = await run('optimize', earlier, placeOf('registry', 'none'), '--profile-from', bare)
  expect(none).toMatchObject({
    status: 4,
    stderr: expect.stringMatching(/no profile is attached to docker:.*bare:v1@sha256/),
  })
  const gone = ['--profile-from', placeOf('registry', 'gone')]
  const missing = await run('optimize', later, placeOf('registry', 'none'), ...gone)
  expect(missing).toMatchObject({
    status: 4,
    stderr: expect.stringMatching(/^headstart: \S+ has no image gone:v1, and so no profile of it$/m),
  })
  await done('optimize', later, placeOf('registry', 'second'), ...gone, '--profile-from', earlier)
})

test('an archive has its profiles in it: pushed, carried on by optimize, and copied from and to', async () => {
  const place = `oci-archive:${box.folder}/pushed.tar:v1`
  await copy(v1, place)
  await done('trace', 'push', place, 'a.json')
  await done('trace', 'push', place, 'b.json', '--name', 'checkout')
  expect((await listed(place)).profiles.map(({ name }) => name)).toEqual(['checkout', 'start'])
  expect(await pulled(place, '--name', 'start')).toEqual(['app'])

  const target = `oci-archive:${box.folder}/fast.tar`
  const made = await done('optimize', place, target, '--provenance')
  expect(made.stderr).toContain('2 profiles attached to the new image, too')
  const { subject, profiles } = await listed(target)
  expect(profiles.map(({ name }) => name)).toEqual(['checkout', 'start'])
  await done('verify', target)
  expect((await done('inspect', target)).stdout).toContain(subject)

  const [there, back] = [placeOf('registry', 'archived'), `oci-archive:${box.folder}/back.tar:v1`]
  for (const [from, to] of [
    [target, there],
    [there, back],
  ] as const) {
    const copied = await done('copy', from, to, '--referrers')
    expect(copied.stderr).toContain('3 attached artifacts copied')
    expect(copied.stdout).toBe(`${to}@${subject}\n`)
    expect(await listed(to)).toEqual({ subject, profiles })
  }
  // Replaced as a whole, with what was attached to what it held.
  await done('copy', v2, back, '--force')
  expect((await listed(back)).profiles).toEqual([])
})

test('one workload is chosen by its name; recording is insisted on', async () => {
  const place = placeOf('layout', 'chosen')
  await copy(v1, place)
  await done('trace', 'push', place, 'a.json', '--name', 'small')
  await done('trace', 'push', place, 'b.json', '--name', 'large')
  const chosen = await done('optimize', place, placeOf('layout', 'one'), '--profile-name', 'small')
  expect(chosen.stderr).toContain('using profile small,')
  expect(chosen.stderr).not.toContain('using profile large,')
  const unknown = await run('optimize', place, placeOf('layout', 'two'), '--profile-name', 'medium')
  expect(unknown).toMatchObject({ status: 4, stderr: expect.stringContaining('has no profile named medium') })
  // Nothing in it could be started: it was tried.
  const recorded = await run('optimize', place, placeOf('layout', 'three'), '--record')
  expect(recorded).toMatchObject({ status: 1, stderr: expect.stringContaining('no command') })
})

test('what is not a profile of the image is refused in one line', async () => {
  const place = placeOf('layout', 'refused')
  await copy(v2, place)
  const other = await run('trace', 'push', place, 'a.json')
  expect(other).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('the trace was recorded from another image, app:v1'),
  })
  await done('trace', 'push', place, 'a.json', '--force')
  const wrongName = await run('trace', 'push', place, 'a.json', '--name', '../x')
  expect(wrongName).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is not a valid profile name'),
  })
  const engine = await run('trace', 'list', 'docker-daemon:x:1')
  expect(engine).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('nothing can be attached to docker-daemon:x:1'),
  })
})

test('an attached profile that lies ends optimize in one line', async () => {
  const place = placeOf('layout', 'lies')
  await copy(v1, place)
  await attachAt(place, note(image.descriptor, '{"version":1}', 'application/vnd.headstart.trace.v1+json'))
  const lying = await run('optimize', place, placeOf('layout', 'lied'))
  expect(lying.status).toBe(1)
  expect(lying.stderr).toMatch(/is refused: its content is text\/plain, not a trace$/m)
})

test('a profile is fetched once, to be used and to be carried on; others only to be carried on', async () => {
  await using loose = await startLooseRegistry()
  const place = `docker://${loose.host}/app:v1`
  await copy(v1, place)
  await done('trace', 'push', place, 'a.json', '--name', 'small')
  await done('trace', 'push', place, 'b.json', '--name', 'large')
  const digests = (await listed(place)).profiles.map(({ digest }) => digest)
  loose.asked.length = 0
  const { stderr } = await done('optimize', place, placeOf('layout', 'once'), '--profile-name', 'small')
  expect(stderr).toContain('2 profiles attached to the new image, too')
  const gets = loose.asked.filter(({ method }) => method === 'GET').map(({ path }) => path)
  for (const path of digests.map((digest) => `/v2/app/manifests/${digest}`))
    expect(gets.filter((each) => each === path)).toEqual([path])
})

test('a list that is wrong is no reason not to record', async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    asked.path.includes('/referrers/')
      ? { status: 200, headers: { 'content-type': OCI_INDEX }, body: '{"schemaVersion":1}' }
      : answer(),
  )
  const place = `docker://${loose.host}/app:v1`
  await copy(v1, place)
  const { stderr } = await run('optimize', place, placeOf('layout', 'recorded'))
  expect(stderr).toMatch(/^what is attached to the image can't be listed: the list of referrers/m)
  expect(stderr).toContain('no command') // since nothing in it could be started
})

test('a registry that refuses artifacts has the whole image, and a warning is given', async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && asked.body.includes('"subject"') ? { status: 400 } : answer(),
  )
  const place = placeOf('layout', 'taken')
  await copy(v1, place)
  await done('trace', 'push', place, 'a.json')
  const target = `docker://${loose.host}/app:v1`
  const { stderr } = await done('optimize', place, target)
  expect(stderr).toMatch(
    /warning: the attached profiles were not carried on: nothing can be attached to docker:/,
  )
  await done('verify', target)
  expect(await run('trace', 'push', target, 'a.json', '--force')).toMatchObject({ status: 1 })
  const copied = await run('copy', place, `docker://${loose.host}/copied:v1`, '--referrers')
  expect(copied).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/^docker:\/\/.*copied:v1@sha256:/),
    stderr: expect.stringContaining('headstart: nothing can be attached to docker://'),
  })
  const archive = await run('copy', place, `docker-archive:${box.folder}/x.tar:x:1`, '--referrers')
  expect(archive).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('nothing can be attached to docker-archive:'),
  })
})
