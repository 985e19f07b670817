/** Configs as Docker's own decoder takes them: a string for a list, keys in any case, null for nothing. */
import { expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { manifestFacts, parseConfig } from '../../image/manifest.ts'
import { OCI_CONFIG, OCI_LAYER_GZIP } from '../../image/media-types.ts'

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

test('an image is told from what is packed like one', () => {
  const of = (config: string, ...layers: string[]) =>
    manifestFacts(
      Buffer.from(
        JSON.stringify({ config: { mediaType: config }, layers: layers.map((mediaType) => ({ mediaType })) }),
      ),
    ).isImage
  expect(of(OCI_CONFIG, OCI_LAYER_GZIP)).toBe(true)
  expect(of(OCI_CONFIG)).toBe(true)
  expect(of(OCI_CONFIG, 'application/vnd.in-toto+json')).toBe(false)
  expect(of('application/vnd.oci.empty.v1+json', OCI_LAYER_GZIP)).toBe(false)
  expect(manifestFacts(Buffer.from('{}'))).toEqual({ isImage: false, subject: undefined })
})
