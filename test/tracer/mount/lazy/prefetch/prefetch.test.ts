/** A prefetch that is streamed, through mounts of images in a registry: planned by a profile, by the zones where there is none that can be read, and never in the way. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeArtifact } from '../../../../../image/referrers/artifact.ts'
import { openSource } from '../../../../../image/sources.ts'
import type { Image } from '../../../../../image/types.ts'
import { HANG_MS } from '../../../../../scripts/support/until.ts'
import { lazyTree } from '../../../../../tracer/mount/lazy/tree.ts'
import { type Mount, mountFileSystem } from '../../../../../tracer/mount/mount.ts'
import { TRACE_ARTIFACT, traceArtifact } from '../../../../../tracer/trace/artifact.ts'
import { writeTrace } from '../../../../../tracer/trace/file.ts'
import { type TempFolder, tempFolder } from '../../../../support/temp.ts'
import { traceFile, traceOf } from '../../../trace/traces.ts'
import { type LazyLayerSpec, writeLazyImage } from '../estargz-image.ts'
import { type Given, mountServed } from '../served.ts'

const KIB = 1024
const big = randomBytes(1000 * KIB)
const layers: LazyLayerSpec[] = [
  {
    zone: [{ name: 'lib', content: randomBytes(200 * KIB) }],
    rest: [
      { name: 'big', content: big },
      { name: 'passwd', content: Buffer.from('root') },
      ...Array.from({ length: 9 }, (_, at) => ({ name: `empty-${at}` })),
    ],
    chunkSize: 100 * KIB,
  },
  { zone: [{ name: 'app', content: randomBytes(50 * KIB) }], rest: [{ name: 'other', content: big }] },
]

let temp: TempFolder
let image: Image
beforeAll(async () => {
  temp = await tempFolder()
  image = await (await openSource(await writeLazyImage(await temp.sub('image'), layers))).image()
})
afterAll(() => temp[Symbol.asyncDispose]())

const mounted = (given: Given) => mountServed(image, given)

const isAllThere = async (mount: Mount): Promise<void> => {
  const plan = await mount.prefetchPlan()
  const fetched = async () => (await mount.counters()).prefetch.bytes
  await expect.poll(fetched, { timeout: HANG_MS }).toBe(plan.bytes)
}

const trace = traceOf([
  traceFile('app', { ranges: [[0, 50 * KIB]] }),
  traceFile('big', {
    ranges: [
      [150 * KIB, 160 * KIB],
      [420 * KIB, 430 * KIB],
    ],
    laterRanges: [[900 * KIB, 901 * KIB]],
  }),
])
const attachedTrace = (name: string) => traceArtifact(trace, image.descriptor, name)

test('the ranges that the attached profile names are fetched, and only they', async () => {
  const artifact = attachedTrace('web')
  await using run = await mounted({ attached: [artifact], profile: { attached: true } })
  const plan = await run.mount.prefetchPlan()
  expect(plan).toMatchObject({
    by: 'profile',
    profiles: [{ name: 'web', digest: artifact.referrer.digest }],
    requests: 3,
  })
  await isAllThere(run.mount)
  expect(plan.bytes).toBeGreaterThan(250 * KIB)
  expect(plan.bytes).toBeLessThan(260 * KIB)
  const file = await readFile(run.at('app'))
  expect(file).toHaveLength(50 * KIB)
  expect((await run.mount.counters()).onDemand).toEqual({ requests: 0, bytes: 0 })
  expect(await readFile(run.at('big'))).toEqual(big)
})

test('a profile in a file is used the same way, one of another image too: files are found by path', async () => {
  const file = join(await temp.sub('traces'), 'trace.json')
  await writeTrace(file, trace)
  await using run = await mounted({ profile: { attached: false, files: [file] } })
  expect(await run.mount.prefetchPlan()).toMatchObject({
    by: 'profile',
    profiles: [{ name: file }],
    notes: [],
  })
})

test.each([
  [9, []],
  [
    8,
    [
      'this image lacks 2 of the 10 files that the profile names: it is of another build, and the start is to be recorded again',
    ],
  ],
])(
  'that a profile names files which are gone is said where it matters: of 10, %i are there',
  async (there, notes) => {
    const others = Array.from({ length: 9 }, (_, at) =>
      traceFile(`${at < there - 1 ? 'empty' : 'gone'}-${at}`),
    )
    const attached = [traceArtifact(traceOf([traceFile('app'), ...others]), image.descriptor, 'web')]
    await using run = await mounted({ attached, profile: { attached: true } })
    expect(await run.mount.prefetchPlan()).toMatchObject({ by: 'profile', notes })
  },
)

test('of profiles of several contents those of one are used, and it is said which are not', async () => {
  const other = { ...trace, image: { ...trace.image, diffIds: ['other'] } }
  const attached = [attachedTrace('web'), traceArtifact(other, image.descriptor, 'job')]
  await using run = await mounted({ attached, profile: { attached: true } })
  const { profiles, notes } = await run.mount.prefetchPlan()
  expect(profiles).toHaveLength(1)
  expect(notes).toEqual([expect.stringMatching(/left out/)])
})

test('of several profiles the one that is named is used', async () => {
  const attached = [attachedTrace('web'), attachedTrace('job')]
  await using run = await mounted({ attached, profile: { attached: true, name: 'job' } })
  expect((await run.mount.prefetchPlan()).profiles).toMatchObject([{ name: 'job' }])
})

test('without a profile the zones are fetched', async () => {
  await using run = await mounted({ profile: { attached: true } })
  const plan = await run.mount.prefetchPlan()
  expect(plan).toMatchObject({ by: 'zone', profiles: [], notes: [] })
  await isAllThere(run.mount)
  expect((await readFile(run.at('lib'))).length + (await readFile(run.at('app'))).length).toBe(250 * KIB)
  expect((await run.mount.counters()).onDemand.requests).toBe(0)
})

const lying = (content: Buffer, mediaType = TRACE_ARTIFACT) =>
  makeArtifact({
    artifactType: TRACE_ARTIFACT,
    subject: image.descriptor,
    content: { mediaType, bytes: content },
    annotations: {},
  })

const faulty: [string, () => Given, RegExp | undefined][] = [
  ['is no JSON', () => ({ attached: [lying(Buffer.from('{'))] }), /not valid JSON|is not JSON/],
  [
    'is packed as nobody packs it',
    () => ({ attached: [lying(Buffer.from('{}'), 'text/plain')] }),
    /text\/plain, not a trace/,
  ],
  [
    'unpacks to garbage',
    () => ({ attached: [lying(randomBytes(100), `${TRACE_ARTIFACT}+gzip`)] }),
    /is damaged/,
  ],
  [
    'unpacks to more than a start waits for',
    () => ({ attached: [lying(gzipSync(Buffer.alloc(65 << 20, ' ')), `${TRACE_ARTIFACT}+gzip`)] }),
    /has more than/,
  ],
  [
    'names nothing that is there',
    () => ({ attached: [traceArtifact(traceOf([traceFile('gone')]), image.descriptor, 'web')] }),
    /^this image lacks 1 of the 1 files that the profile names: it is of another build/,
  ],
  [
    'names nothing that is read up to ready',
    () => ({
      attached: [traceArtifact(traceOf([traceFile('app', { afterReady: true })]), image.descriptor, 'web')],
    }),
    /names no file that is read up to ready/,
  ],
  [
    'has another name',
    () => ({ attached: [attachedTrace('web')], profile: { attached: true, name: 'job' } }),
    /no profile named job/,
  ],
  ['can’t be read', () => ({ profile: { attached: false, files: ['/no/such/file'] } }), /\/no\/such\/file/],
  [
    'is in a registry that keeps no lists',
    () => ({ fault: (path) => (path.includes('/referrers/') ? { status: 404 } : undefined) }),
    undefined,
  ],
  [
    'is in a registry that refuses to list it',
    () => ({ fault: (path) => (/referrers|sha256-/.test(path) ? { status: 401 } : undefined) }),
    /./,
  ],
]

test.each(faulty)('where the profile %s the zones are fetched, and it is said', async (_, given, note) => {
  await using run = await mounted({ profile: { attached: true }, ...given() })
  const { by, notes } = await run.mount.prefetchPlan()
  expect(by).toBe('zone')
  expect(notes).toEqual(note === undefined ? [] : expect.arrayContaining([expect.stringMatching(note)]))
  expect(await readFile(run.at('big'))).toEqual(big)
})

test('what is damaged in the zone is an error to whoever reads it; the mount and the rest are there', async () => {
  const [base] = layers
  if (!base) throw new Error('no layer')
  const damage = (blob: Buffer) => {
    blob[1000] = (blob[1000] ?? 0) ^ 0xff
  }
  await using own = await tempFolder()
  const reference = await writeLazyImage(await own.sub('image'), [{ ...base, damage }])
  await using mount = await mountFileSystem({
    mountPoint: await own.sub('mount'),
    tree: { ...lazyTree({ reference, prefetch: 'stream' }), cacheFolder: await own.sub('cache') },
    record: false,
    server: 'kernel',
  })
  await expect(readFile(join(mount.folder, 'lib'))).rejects.toThrow(/EIO/)
  expect(await readFile(join(mount.folder, 'big'))).toEqual(big)
})
