/** Configs as Docker's own decoder takes them: a string for a list, keys in any case, null for nothing; hostile ones are refused in a line. */
import { describe, expect, test } from 'vitest'
import { parseConfig, parseEngineFacts } from '../../image/config.ts'
import { digestOf } from '../../image/digest.ts'
import { IMAGE_CONFIG, json, refusal } from './refusal.ts'

const parse = (config: unknown, more: object = {}) =>
  parseConfig(
    Buffer.from(
      JSON.stringify({
        os: 'linux',
        architecture: 'amd64',
        config,
        rootfs: { type: 'layers', diff_ids: [] },
        ...more,
      }),
    ),
    'test',
  )

test.each<[string, unknown, object]>([
  ['a string entrypoint', { Entrypoint: '/bin/app', Cmd: 'run' }, { entrypoint: ['/bin/app'], cmd: ['run'] }],
  [
    'nulls',
    { Entrypoint: null, Cmd: null, Env: null, Volumes: null, User: null },
    { entrypoint: [], cmd: [], env: [], volumes: [], user: '' },
  ],
  ['a null in a list', { Env: ['A=1', null] }, { env: ['A=1', ''] }],
  [
    'keys in another case',
    { entrypoint: ['a'], ENV: ['B=2'], workingdir: '/w' },
    { entrypoint: ['a'], env: ['B=2'], workingDir: '/w' },
  ],
  ['the same key twice', { Cmd: ['a'], CMD: ['b'] }, { cmd: ['b'] }],
  ['ports without values', { ExposedPorts: { '80/tcp': null, '': {} } }, { exposedPorts: ['80/tcp', ''] }],
  ['no config', undefined, { entrypoint: [], workingDir: '/' }],
])('%s', (_, config, process) => {
  expect(parse(config).process).toMatchObject(process)
})

test('the document itself, its rootfs and history too', () => {
  const diffId = digestOf('x')
  const parsed = parse(null, {
    rootfs: undefined,
    RootFS: { Type: 'layers', Diff_IDs: [diffId] },
    History: [{ Created_By: 'me', EMPTY_LAYER: true }],
  })
  expect(parsed.diffIds).toEqual([diffId])
  expect(parsed.history).toEqual([{ createdBy: 'me', emptyLayer: true }])
})

test.each([{ User: 5 }, { Entrypoint: 5 }, { Env: 'A=1' }, { ExposedPorts: ['80'] }])(
  'what Docker refuses is refused: %j',
  (config) => {
    expect(() => parse(config)).toThrow(/^the config of test is wrong: config/)
  },
)

test.each<[string, unknown, RegExp]>([
  ['no JSON', 'x', /config of app is not JSON/],
  ['no root file system', { ...IMAGE_CONFIG, rootfs: undefined }, /rootfs/],
  [
    'layers of another kind',
    { ...IMAGE_CONFIG, rootfs: { type: 'layers+base', diff_ids: [] } },
    /rootfs\.type/,
  ],
  ['a diffID that is none', { ...IMAGE_CONFIG, rootfs: { type: 'layers', diff_ids: ['x'] } }, /diff_ids\.0/],
  ['no architecture', { ...IMAGE_CONFIG, architecture: undefined }, /architecture/],
  ['an environment that is no list', { ...IMAGE_CONFIG, config: { Env: 'A=b' } }, /config\.Env/],
  ['a command of numbers', { ...IMAGE_CONFIG, config: { Cmd: [1] } }, /config\.Cmd\.0/],
  ['nesting without end', `{"a":${'['.repeat(100_000)}`, /nested more than 500 levels deep/],
  ['more than a config may have', ' '.repeat((16 << 20) + 1), /larger than/],
])('config: %s', async (_, value, why) => {
  expect(await refusal(() => parseConfig(json(value), 'app'))).toMatch(why)
})

describe('what an engine wants to know besides', () => {
  const facts = (config: unknown) => parseEngineFacts(Buffer.from(JSON.stringify({ config })), 'test')

  test('labels, ports and the check, as they are', () => {
    const Healthcheck = { Test: ['CMD', 'x'], Interval: 5, Retries: 2, Timeout: null }
    expect(facts({ Labels: { a: 'b' }, exposedports: { '80/tcp': {} }, Healthcheck })).toEqual({
      labels: { a: 'b' },
      exposedPorts: ['80/tcp'],
      healthcheck: { Test: ['CMD', 'x'], Interval: 5, Retries: 2 },
    })
  })

  test.each([[null], [{}], [{ Labels: null, Healthcheck: { Test: [] } }]])('nothing: %j', (config) => {
    expect(facts(config)).toEqual({ labels: {}, exposedPorts: [], healthcheck: undefined })
  })

  test.each([[{ Labels: { a: 1 } }], [{ Healthcheck: { Interval: -1 } }]])('%j is refused', (config) => {
    expect(() => facts(config)).toThrow(/^the config of test is wrong: config/)
  })
})
