/** `optimize --push-profile`: the profile that was given, or recorded for it, is attached to the new image, beside those that were attached already. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import type { Platform } from '../../../image/types.ts'
import { traceArtifact } from '../../../tracer/trace/artifact.ts'
import { traceText } from '../../../tracer/trace/file.ts'
import { attachAt, listAt } from '../../support/artifacts.ts'
import { copy } from '../../support/copy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { busyboxImage, writeImage } from '../../support/images.ts'
import { Layout } from '../../support/layout.ts'
import { startLooseRegistry } from '../../support/loose-registry.ts'
import { file } from '../../support/tar.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

let box: Sandbox
let original: string
const given = traceOf([traceFile('app', { size: 3, ranges: [[0, 3]] })])

beforeAll(async () => {
  box = await sandbox()
  original = await writeImage(join(box.folder, 'i'), { layers: [[file('app', 'app'), file('b', 'b')]] })
  await writeFile(join(box.folder, 'trace.json'), traceText(given))
})
afterAll(() => box[Symbol.asyncDispose]())

const imageAt = async (place: string, platform?: Platform) => {
  await using source = await openSource(place)
  return (await source.image(platform)).descriptor
}
/** Names and numbers of files of the profiles that are attached. */
const profilesOf = async (place: string, platform?: Platform) =>
  (await listAt(place, (await imageAt(place, platform)).digest))
    .map(({ annotations = {} }) =>
      ['name', 'files'].map((what) => annotations[`vnd.headstart.trace.${what}`]),
    )
    .sort()
const at = (name: string) => `oci:${box.folder}/${name}:v1`
const done = async (...args: string[]) => {
  const outcome = await box.run(args)
  expect(outcome.status, outcome.stderr).toBe(0)
  return outcome
}

test('the given one takes its name from the older one; the next build finds it', async () => {
  const [from, to] = [at('from'), at('to')]
  await copy(original, from)
  const older = { ...given, files: [...given.files, traceFile('b', { size: 1, ranges: [[0, 1]] })] }
  for (const name of ['start', 'other']) await attachAt(from, traceArtifact(older, await imageAt(from), name))
  const { stderr } = await done('optimize', from, to, '--trace', 'trace.json', '--push-profile')
  const { digest } = await imageAt(to)
  expect(stderr).toMatch(RegExp(`^profile start \\(sha256:[0-9a-f]{64}\\) is attached to ${digest}$`, 'm'))
  expect(await profilesOf(to)).toEqual([
    ['other', '2'],
    ['start', '1'],
  ])
  // Those are attached already, and so they go along as without the flag.
  const named = ['--push-profile', '--name', 'unused']
  const next = await done('optimize', original, at('next'), '--profile-from', to, ...named)
  expect(next.stderr).toContain('--name has no effect here: the profiles that were attached keep their names')
  expect(await profilesOf(at('next'))).toEqual(await profilesOf(to))
})

test('one that was recorded for it has the name that was asked for', async () => {
  const image = await busyboxImage(join(box.folder, 'busybox'), { command: 'true' })
  const how = ['--engine', 'runc', '--network', 'none', '--ready-exit']
  await done('optimize', image, at('recorded'), ...how, '--push-profile', '--name', 'boot')
  expect(await profilesOf(at('recorded'))).toEqual([['boot', expect.stringMatching(/^[1-9]\d*$/)]])
})

test('of an index, it is attached to the image that was recorded', async () => {
  const layout = new Layout(join(box.folder, 'index'))
  const entry = async (architecture: string) => ({
    ...(await layout.image(architecture, [await layout.layer([file('app', architecture)])])),
    platform: { os: 'linux', architecture },
  })
  const from = await layout.finish(await layout.index([await entry('amd64'), await entry('arm64')]))
  const flags = ['--all-platforms', '--platform', 'linux/arm64', '--trace', 'trace.json', '--push-profile']
  await done('optimize', from, at('all'), ...flags)
  expect(await profilesOf(at('all'), { os: 'linux', architecture: 'arm64' })).toEqual([['start', '1']])
  expect(await profilesOf(at('all'), { os: 'linux', architecture: 'amd64' })).toEqual([])
})

test('where it is refused the image is there, and the status is 1', async () => {
  await using loose = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && asked.body.includes('"subject"') ? { status: 405 } : answer(),
  )
  const from = at('attached')
  await copy(original, from)
  await attachAt(from, traceArtifact(given, await imageAt(from), 'start'))
  for (const [name, flags] of [
    ['given', ['--trace', 'trace.json']],
    ['attached', []],
  ] as const) {
    const place = `docker://${loose.host}/${name}:v1`
    const { status, stdout, stderr } = await box.run(['optimize', from, place, ...flags, '--push-profile'])
    expect(status, stderr).toBe(1)
    expect(stderr).toMatch(/^headstart: nothing can be attached to .* answered 405/m)
    expect(stdout).toContain(`${place}@${(await imageAt(place)).digest}`)
  }
})

test.each([
  ['a name alone', 'oci:none', ['--trace', 'trace.json', '--name', 'x'], 2, '--name requires --push-profile'],
  ['without a profile', 'oci:none', ['--keep-diff-id', '--push-profile'], 2, 'there is no profile'],
  [
    'where nothing can be attached',
    'docker-archive:none.tar',
    ['--trace', 'trace.json', '--push-profile'],
    1,
    'nothing can be attached to docker-archive:',
  ],
] as const)('%s is refused in one line', async (_, to, flags, status, said) => {
  expect(await box.run(['optimize', original, to, ...flags])).toMatchObject({
    status,
    stderr: expect.stringMatching(RegExp(`^headstart: .*${said}`)),
  })
})
