/** What is to be done for an image by what is known of it: a table of cases, each with its reason. */
import { describe, expect, test } from 'vitest'
import { type Job, jobId, type Work, workloadsId } from '../../fleet/job.ts'
import { type Facts, planFor, type Seen } from '../../fleet/plan.ts'
import type { JobRecord, Made } from '../../fleet/queue/types.ts'
import { jobOf } from './queue/contract.ts'

const digest = (letter: string): Work['digest'] => `sha256:${letter.repeat(64)}`
const [OLD, NEW, PRODUCT, OTHER] = [digest('a'), digest('b'), digest('c'), digest('d')]

const work: Work = { ...jobOf('rebuild').work, digest: NEW }
const inPlace: Work = { ...work, target: work.source }
const unseen: Seen = { target: undefined, hasProfiles: false, lender: undefined }

const madeOf = (of: Work, product = PRODUCT, source = of.digest): Made => ({
  target: of.target,
  digest: product,
  source,
  id: jobId({ kind: 'rebuild', work: { ...of, digest: source } }),
  recorded: workloadsId(of),
  at: 1,
})

const record = (kind: Job['kind'], state: JobRecord['state'], more: Partial<JobRecord> = {}): JobRecord => {
  const job = { kind, work, priority: 1 }
  return { id: jobId(job), job, state, attempts: 1, addedAt: 1, log: [], ...more }
}

const plan = (more: Partial<Facts>) =>
  planFor({ work, made: undefined, jobs: [], clash: undefined, seen: unseen, ...more }, 5)

describe('a target apart', () => {
  test('that was made of this image is current, whatever else is known', () => {
    expect(plan({ made: madeOf(work), jobs: [record('record', 'failed')] })).toMatchObject({ is: 'current' })
  })

  test('of an older build: its profile is borrowed, by digest, so that it is the same one tomorrow', () => {
    expect(plan({ made: madeOf(work, PRODUCT, OLD) })).toEqual({
      is: 'rebuild',
      why: 'it is new: the profile of registry.example/web@sha256:cccccccccccc is used if it covers 80 % of the start, else the start is recorded',
      job: { kind: 'rebuild', work, priority: 5, profileFrom: `registry.example/web@${PRODUCT}` },
    })
  })

  test('a profile of its own is better than one that is borrowed', () => {
    const { job } = {
      job: undefined,
      ...plan({ made: madeOf(work, PRODUCT, OLD), seen: { ...unseen, hasProfiles: true } }),
    }
    expect(job).toEqual({ kind: 'rebuild', work, priority: 5 })
  })

  test('nothing is known of it: it is recorded', () => {
    expect(plan({})).toEqual({
      is: 'record',
      why: 'no profile of it is known',
      job: { kind: 'record', work, priority: 5 },
    })
  })

  test('a product, under a name that another fleet.yaml gave it, is not made once more; in place it is', () => {
    const seen = { ...unseen, madeOf: OLD }
    expect(plan({ seen })).toMatchObject({
      is: 'skipped',
      why: expect.stringMatching(/^it is a product itself/),
    })
    const now = { ...inPlace, digest: PRODUCT, minCoverage: 0.5 }
    expect(plan({ work: now, made: madeOf(inPlace, PRODUCT, OLD), seen })).toMatchObject({ is: 'rebuild' })
  })

  test('made by somebody else of this very image, it is taken over', () => {
    const target = { digest: PRODUCT, madeOf: NEW }
    expect(plan({ seen: { ...unseen, target } })).toMatchObject({ is: 'adopt', work, digest: PRODUCT })
  })

  test('made by somebody else of another image, it lends its profile', () => {
    const target = { digest: PRODUCT, madeOf: OLD }
    expect(plan({ seen: { ...unseen, target } })).toMatchObject({
      is: 'rebuild',
      job: { profileFrom: `registry.example/web@${PRODUCT}` },
    })
  })

  test('a new tag borrows from its neighbour', () => {
    const lender = `registry.example/web@${OTHER}`
    expect(plan({ seen: { ...unseen, lender } })).toMatchObject({
      is: 'rebuild',
      job: { profileFrom: lender },
    })
  })
})

describe('settings that have changed', () => {
  const before: Work = { ...work, optimizeFlags: ['--split=off'] }

  test('make it again, with the profile that it has', () => {
    const facts = { made: madeOf(before), seen: { ...unseen, hasProfiles: true } }
    expect(plan(facts)).toMatchObject({ is: 'rebuild', why: 'its settings in fleet.yaml have changed' })
  })

  const otherwise: Work = {
    ...work,
    workloads: [{ name: 'default', flags: ['--ready-tcp=80'], command: [] }],
  }

  test('of how it is started: it is recorded, though there is a profile', () => {
    const facts = { made: madeOf(otherwise), seen: { ...unseen, hasProfiles: true } }
    expect(plan(facts)).toMatchObject({ is: 'record', why: 'how it is started has changed in fleet.yaml' })
  })

  test('of how it is started, with a new build: the old profile is not borrowed', () => {
    expect(plan({ made: madeOf(otherwise, PRODUCT, OLD) })).toMatchObject({
      is: 'record',
      why: 'it is new, and how it is started has changed in fleet.yaml',
    })
  })
})

describe('in place', () => {
  test('the tag names what was made: it is current', () => {
    expect(
      plan({ work: { ...inPlace, digest: PRODUCT }, made: madeOf(inPlace, PRODUCT, OLD) }),
    ).toMatchObject({
      is: 'current',
    })
  })

  test('the tag names what was made, and settings have changed: it is made again, of what there is', () => {
    const now = { ...inPlace, digest: PRODUCT, minCoverage: 0.5 }
    const facts = { work: now, made: madeOf(inPlace, PRODUCT, OLD), seen: { ...unseen, hasProfiles: true } }
    expect(plan(facts)).toMatchObject({
      is: 'rebuild',
      why: 'its settings in fleet.yaml have changed',
      job: { work: { digest: PRODUCT } },
    })
  })

  test('the tag names something new: the product that it replaced lends its profile', () => {
    expect(plan({ work: inPlace, made: madeOf(inPlace, PRODUCT, OLD) })).toMatchObject({
      is: 'rebuild',
      job: { work: { digest: NEW }, profileFrom: `registry.example/web@${PRODUCT}` },
    })
  })

  test('nothing is known but what the image says of itself: it is taken over, of what it was made of', () => {
    const facts = {
      work: { ...inPlace, digest: PRODUCT },
      seen: { ...unseen, target: { digest: PRODUCT, madeOf: OLD } },
    }
    expect(plan(facts)).toMatchObject({ is: 'adopt', work: { digest: OLD }, digest: PRODUCT })
  })

  test('an image that nobody has made lends itself nothing', () => {
    const seen = { ...unseen, target: { digest: NEW, madeOf: undefined } }
    expect(plan({ work: inPlace, seen })).toMatchObject({ is: 'record' })
  })
})

test('what waits or runs is not asked for again; what failed can be', () => {
  expect(plan({ jobs: [record('record', 'done'), record('rebuild', 'running')] })).toMatchObject({
    is: 'waiting',
    why: 'its rebuild job is running',
  })
  const failed = record('record', 'failed', { error: 'it never became ready' })
  expect(plan({ jobs: [failed] })).toEqual({ is: 'failed', why: 'it never became ready', job: failed.job })
})

test('of two images with one target, the second is left alone', () => {
  expect(plan({ clash: 'registry.example/a:1' })).toEqual({
    is: 'skipped',
    why: 'its target is that of registry.example/a:1',
  })
})
