/** What `fleet.yaml` means: which images there are to look after, and what is to be made of each. */
import { basename } from 'node:path'
import { isIndexType } from '../../image/media-types.ts'
import type { Tagged } from '../../image/registry/tags.ts'
import { LINKS } from '../../optimizer/links.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { MAX_SETTINGS_BYTES, readInput } from '../../system/files/read-whole.ts'
import { bandwidthIn, latencyIn, shareIn, sizeIn } from '../../system/text/amounts.ts'
import type { Budget, Work, Workload } from '../job.ts'
import { faultAt, parseYaml } from './document.ts'
import {
  isGlob,
  isProduct,
  matcher,
  type Named,
  nameOf,
  type Repositories,
  repositoriesIn,
  targetOf,
} from './names.ts'
import { fleetSchema, type Settings, type WrittenEntry } from './schema.ts'
import { workloadsOf } from './workloads.ts'

export interface Entry {
  /** of the file */
  readonly line: number
  readonly repositories: readonly Repositories[]
  /** globs; one without a special character is a tag */
  readonly tags: readonly string[]
  /** but for products: `entryFor` knows them */
  readonly has: (image: Named) => boolean
  readonly target: string
  readonly platforms: 'all' | 'host'
  readonly workloads: readonly Workload[]
  readonly optimizeFlags: readonly string[]
  readonly minCoverage: number
  readonly budget: Budget
}

export interface Fleet {
  /** An image belongs to the first that has it. */
  readonly entries: readonly Entry[]
}

const TARGET = '{repository}:{tag}-esgz'
const MIN_COVERAGE = 0.8

/** @throws HeadstartError E_FLEET: with line and column; E_FILE: it can't be read */
export async function readFleet(file: string): Promise<Fleet> {
  const text = await readInput(file, MAX_SETTINGS_BYTES).catch((cause: unknown) => {
    throw new HeadstartError('E_FILE', `${file} can't be read: ${messageOf(cause)}`, { cause })
  })
  return parseFleet(text, basename(file))
}

/** @param name of the file, for errors */
export function parseFleet(text: string, name: string): Fleet {
  const { value, placeOf } = parseYaml(text, name, fleetSchema)
  const { registry, defaults = {}, images } = value
  return {
    entries: images.map((written, index) => {
      const place = placeOf(['images', index])
      const settings = { ...defaults, ...written }
      const names = settings.workloads?.map((workload) => workload.name) ?? []
      const twice = names.find((each, at) => names.indexOf(each) !== at)
      if (twice !== undefined)
        throw faultAt(name, placeOf(['images', index, 'workloads']), `two workloads are named ${twice}`)
      const entry = entryOf(written, settings, { registry, line: place.line })
      if (entry.platforms === 'host' && isInPlace(entry))
        throw faultAt(name, placeOf(['images', index, 'platforms']), LOSES_PLATFORMS)
      return entry
    }),
  }
}

const LOSES_PLATFORMS =
  'in place, platforms can only be all: an index that is replaced by one image loses its others'

const SOME = { host: 'registry.example', repository: 'a/b', tag: 'c' }
const isInPlace = ({ target }: Entry): boolean => nameOf(targetOf(target, SOME)) === nameOf(SOME)

interface Around {
  readonly registry: string | undefined
  readonly line: number
}

function entryOf(written: WrittenEntry, settings: Settings, { registry, line }: Around): Entry {
  const repositories = written.repositories.map((text) => repositoriesIn(text, registry))
  const except = (written.exceptRepositories ?? []).map((text) => repositoriesIn(text, registry))
  const tags = written.tags ?? ['*']
  const [isTag, isNoTag] = [matcher(tags), matcher(written.exceptTags ?? [])]
  const [isRepository, isNone] = [within(repositories), within(except)]
  const { target = TARGET, platforms = 'all', minCoverage, budget = {} } = settings
  return {
    line,
    repositories,
    tags,
    has: (image) => isRepository(image) && !isNone(image) && isTag(image.tag) && !isNoTag(image.tag),
    target,
    platforms,
    workloads: workloadsOf(settings),
    optimizeFlags: optimizeFlagsOf(settings),
    minCoverage: minCoverage === undefined ? MIN_COVERAGE : (shareIn(minCoverage) ?? 0),
    budget: budgetOf(budget),
  }
}

function within(all: readonly Repositories[]): (image: Named) => boolean {
  const tests = all.map(({ host, pattern }) => ({ host, matches: matcher([pattern]) }))
  return ({ host, repository }) => tests.some((each) => each.host === host && each.matches(repository))
}

function optimizeFlagsOf({ split = 'auto', link = 'wan', optimize = [] }: Settings): string[] {
  const { mbitPerSecond, latencyMs } = linkOf(link)
  return [`--split=${split}`, `--bandwidth=${mbitPerSecond}Mbit`, `--latency=${latencyMs}ms`, ...optimize]
}

const linkOf = (link: NonNullable<Settings['link']>) =>
  typeof link === 'string'
    ? LINKS[link]
    : { mbitPerSecond: bandwidthIn(link.bandwidth) ?? 0, latencyMs: latencyIn(link.latency) ?? 0 }

const budgetOf = ({ growth, prefetch }: NonNullable<Settings['budget']>): Budget => ({
  ...(growth !== undefined && { growth: shareIn(growth) }),
  ...(prefetch !== undefined && { prefetchBytes: sizeIn(prefetch) }),
})

/** The entry that an image belongs to. @returns undefined: none, or it is a product itself */
export const entryFor = ({ entries }: Fleet, image: Named): Entry | undefined =>
  entries.some(({ target }) => isProduct(target, image))
    ? undefined
    : entries.find((entry) => entry.has(image))

/** What is to be done for an image as it is now. */
export function workOf(entry: Entry, image: Named, { digest, mediaType }: Tagged): Work {
  const isIndex = isIndexType(mediaType)
  return {
    source: nameOf(image),
    digest,
    target: nameOf(targetOf(entry.target, image)),
    workloads: [...entry.workloads],
    optimizeFlags: [
      ...entry.optimizeFlags,
      ...(isIndex && entry.platforms === 'all' ? ['--all-platforms'] : []),
    ],
    minCoverage: entry.minCoverage,
    budget: entry.budget,
  }
}

/** Tags of an entry that have to be looked up: the others are known by name. */
export const literalTags = ({ tags }: Entry): string[] | undefined =>
  tags.some(isGlob) ? undefined : [...tags]
