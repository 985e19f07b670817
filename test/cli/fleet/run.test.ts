/** `fleet check` and `fleet run` on a real registry: what is done, what it costs where nothing is to be done, and what is not done twice. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { READY, type TestFleet, testFleet } from './fleet.ts'

let fleet: TestFleet

const IMAGES = `${READY}
images:
  - repositories: ['team/*']
    tags: ['v*']
  - repositories: [shop]
    target: '{repository}:{tag}'
`

beforeAll(async () => {
  fleet = await testFleet()
  for (const name of ['team/a:v1', 'team/b:v1', 'team/b:v2', 'team/b:main', 'shop:1', 'shop:2', 'other:v1'])
    await fleet.push(name, name)
  await fleet.write(IMAGES)
})
afterAll(() => fleet[Symbol.asyncDispose]())

const NAMES = ['shop:1', 'shop:2', 'team/a:v1', 'team/b:v1', 'team/b:v2']
const TARGETS = ['shop:1', 'shop:2', 'team/a:v1-esgz', 'team/b:v1-esgz', 'team/b:v2-esgz']

const checked = async (...more: string[]) => {
  const { stdout, stderr, status } = await fleet.fleet(['check', '--json', ...more])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const lines: { image: string; step: string; why: string }[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return lines.map(({ image, step, why }) => [image.replace(`${fleet.host}/`, ''), step, why])
}

/** What names manifests by tag, and changes nothing. */
const looks = (asked: readonly string[]) =>
  asked.filter((line) => /^(HEAD|GET) \/v2\/.+\/manifests\//.test(line))
const pushedTags = (asked: readonly string[]) =>
  asked.flatMap((line) => /^PUT \/v2\/(.+)\/manifests\/([^:]+)$/.exec(line)?.slice(1).join(':') ?? [])
const isFallback = (name: string) => /:sha256-/.test(name)

test('check says what would be done and why, and does nothing', async () => {
  fleet.proxy.take()
  expect(await checked()).toEqual(NAMES.map((name) => [name, 'record', 'no profile of it is known']))
  const asked = fleet.proxy.take()
  expect(asked.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([])
  expect((await fleet.box.run(['fleet', 'check', '--state', 'none.sqlite'])).stdout).toMatch(
    /shop:1 +record, then rebuild +no profile of it is known\n(?:.*\n)*5 images: 5 to record\n$/,
  )
})

test('run records and rebuilds each once; what it made is sound, and carries its profile', async () => {
  fleet.proxy.take()
  const { status, stdout, stderr } = await fleet.fleet(['run', '--jobs', '2'])
  expect(status, stderr).toBe(0)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^5 images: 5 to record$/m)
  expect(stderr.match(/: recorded start in/g)).toHaveLength(5)
  expect(stderr.match(/: rebuilt in .* → .*; a start fetches .*; the profile covers 100 %$/gm)).toHaveLength(
    5,
  )
  expect(
    pushedTags(fleet.proxy.take())
      .filter((name) => !isFallback(name))
      .toSorted(),
  ).toEqual(TARGETS)
  for (const target of TARGETS) {
    expect(await fleet.box.run(['verify', `docker://${fleet.host}/${target}`])).toMatchObject({ status: 0 })
    const { stdout: list } = await fleet.box.run(['trace', 'list', `${fleet.host}/${target}`, '--json'])
    expect(JSON.parse(list)).toMatchObject({ profiles: [{ name: 'start' }] })
  }
  expect(await fleet.box.leftovers()).toEqual([])
})

test('up to date, an image costs exactly one request, and nothing is pushed', async () => {
  fleet.proxy.take()
  const { status, stderr } = await fleet.fleet(['run'])
  expect(status, stderr).toBe(0)
  expect(stderr).toBe('5 images: 5 up to date\n')
  const asked = fleet.proxy.take()
  expect(looks(asked).toSorted()).toEqual(
    NAMES.map((name) => `HEAD /v2/${name.replace(':', '/manifests/')}`).toSorted(),
  )
  // Beyond those, the registry is greeted, and its lists are read: the catalog, and tags of those repositories that have patterns.
  expect(asked.filter((line) => !looks(asked).includes(line)).toSorted()).toEqual([
    'GET /v2/',
    'GET /v2/_catalog?n=1000',
    'GET /v2/shop/tags/list?n=1000',
    'GET /v2/team/a/tags/list?n=1000',
    'GET /v2/team/b/tags/list?n=1000',
  ])
})

test('a fleet that has lost its state sees what is made, and makes nothing again', async () => {
  const why = (name: string) =>
    name.startsWith('shop')
      ? expect.stringMatching(/^it is optimized already, of sha256:/)
      : 'its target was made of this very image'
  expect(await checked('--state', 'lost.sqlite')).toEqual(NAMES.map((name) => [name, 'adopt', why(name)]))
  fleet.proxy.take()
  const { status, stderr } = await fleet.fleet(['run', '--state', 'lost.sqlite'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '5 images: 5 up to date\n' })
  expect(fleet.proxy.take().filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([])
  await fleet.fleet(['run', '--state', 'lost.sqlite'])
  expect(looks(fleet.proxy.take())).toHaveLength(5)
})

test('a new build is rebuilt with the profile of the one before, which nobody has to record again', async () => {
  await fleet.push('team/a:v1', 'team/a:v1, but newer')
  await fleet.push('shop:1', 'shop:1, but newer')
  const lent = expect.stringMatching(
    /^it is new: the profile of .*@sha256:[0-9a-f]{12} is used if it covers 80 % of the start, else the start is recorded$/,
  )
  const steps = await checked()
  expect(steps.filter(([, step]) => step !== 'current')).toEqual([
    ['shop:1', 'rebuild', lent],
    ['team/a:v1', 'rebuild', lent],
  ])
  fleet.proxy.take()
  const { status, stderr } = await fleet.fleet(['run'])
  expect(status, stderr).toBe(0)
  expect(stderr).toMatch(/^5 images: 3 up to date, 2 to rebuild$/m)
  expect(stderr).not.toContain('recorded')
  expect(
    pushedTags(fleet.proxy.take())
      .filter((name) => !isFallback(name))
      .toSorted(),
  ).toEqual(['shop:1', 'team/a:v1-esgz'])
  expect((await checked()).every(([, step]) => step === 'current')).toBe(true)
})

test('a tag that is new in its repository borrows from its neighbour; one that starts otherwise is recorded', async () => {
  await fleet.push('team/b:v3', 'team/b:v3')
  const stranger = 'cat /unread.txt; echo started; sleep 60'
  await fleet.push('team/a:v2', 'x', { command: stranger })
  const steps = (await checked()).filter(([, step]) => step !== 'current')
  expect(steps.map(([image, step]) => [image, step])).toEqual([
    ['team/a:v2', 'rebuild'],
    ['team/b:v3', 'rebuild'],
  ])
  const { status, stderr } = await fleet.fleet(['run'])
  expect(status, stderr).toBe(0)
  expect(stderr).toContain('/team/a:v2: no profile covers it; its start is recorded first')
  expect(stderr.match(/: recorded start in/g)).toHaveLength(1)
})

test('settings that change are applied; how it is started is recorded anew', async () => {
  await fleet.write(IMAGES.replace('[shop]', '[shop]\n    optimize: [--max-zone=1MB]'))
  expect((await checked()).filter(([, step]) => step !== 'current')).toEqual([
    ['shop:1', 'rebuild', 'its settings in fleet.yaml have changed'],
    ['shop:2', 'rebuild', 'its settings in fleet.yaml have changed'],
  ])
  await fleet.write(
    IMAGES.replace('[shop]', '[shop]\n    command: [sh, -c, "cat /unread.txt; echo started; sleep 60"]'),
  )
  expect((await checked()).filter(([, step]) => step !== 'current')).toEqual([
    ['shop:1', 'record', 'how it is started has changed in fleet.yaml'],
    ['shop:2', 'record', 'how it is started has changed in fleet.yaml'],
  ])
  const { status, stderr } = await fleet.fleet(['run'])
  expect(status, stderr).toBe(0)
  expect((await checked()).every(([, step]) => step === 'current')).toBe(true)
})
