/**
 * Whether a job is one that the `fleet.yaml` of the machine that performs it asks for. Whoever can write to the queue may put anything there: it
 * decides when something is done, and this file decides what. Pure.
 */
import { isDeepStrictEqual } from 'node:util'
import { OCI_INDEX, OCI_MANIFEST } from '../../image/media-types.ts'
import { parseReference } from '../../image/reference.ts'
import { entryFor, type Fleet, workOf } from '../config/fleet.ts'
import { nameOf, targetOf } from '../config/names.ts'
import { type Job, repositoryOf, type Work } from '../job.ts'

/** @returns why not, in one line; undefined: it is */
export function faultOfOrigin({ work, profileFrom }: Job, fleet: Fleet): string | undefined {
  const { host, repository, tag = '' } = parseReference(work.source)
  const image = { host, repository, tag }
  const entry = entryFor(fleet, image)
  if (!entry) return `${OURS} does not ask for ${work.source}`
  const target = nameOf(targetOf(entry.target, image))
  if (work.target !== target) return `${OURS} has ${work.source} made into ${target}, not into ${work.target}`
  // What it asks for depends on whether the image is an index, which its digest will show.
  const [first = [], second = []] = [OCI_INDEX, OCI_MANIFEST].map((mediaType) =>
    differing(work, workOf(entry, image, { digest: work.digest, mediaType })),
  )
  const others = first.length < second.length ? first : second
  if (others.length > 0)
    return `${OURS} has other settings for ${work.source}, of ${others.join(' and ')}: it may be older or newer than that of what added the job`
  if (profileFrom !== undefined && ![work.source, work.target].map(repositoryOf).some(isIn(profileFrom)))
    return `${OURS} has no profile taken from ${profileFrom} for ${work.source}`
  return undefined
}

const OURS = "this worker's fleet.yaml"

const SETTINGS = ['workloads', 'optimizeFlags', 'minCoverage', 'budget'] as const
const WORDS: Readonly<Record<(typeof SETTINGS)[number], string>> = {
  workloads: 'how it is started',
  optimizeFlags: 'how it is optimized',
  minCoverage: 'minCoverage',
  budget: 'budget',
}

const differing = (work: Work, asked: Work): string[] =>
  SETTINGS.filter((each) => !isDeepStrictEqual(work[each], asked[each])).map((each) => WORDS[each])

const isIn =
  (image: string) =>
  (repository: string): boolean =>
    image.startsWith(`${repository}@`)
