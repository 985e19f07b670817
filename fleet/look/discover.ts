/** Finds the images that a fleet is about: names are taken as they are, patterns are looked up in the registry's lists. */
import { listRepositories, listTags } from '../../image/registry/tags.ts'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { mapLimit } from '../../system/map-limit.ts'
import { type Entry, entryFor, type Fleet, literalTags } from '../config/fleet.ts'
import { matcher, type Named, nameOf } from '../config/names.ts'
import type { Registries } from './registries.ts'

export interface Discovered {
  readonly image: Named
  readonly entry: Entry
  /** all tags of its repository, products among them, where they were listed */
  readonly tags: readonly string[]
}

export interface Discovery {
  /** each once, by name */
  readonly images: readonly Discovered[]
  /** registries and repositories that could not be looked up, a line each */
  readonly faults: readonly string[]
  /** entries that no image belongs to, as far as could be looked up */
  readonly idle: readonly Entry[]
}

/** Lists asked for at the same time. */
const AT_ONCE = 8

/** One registry that can't be reached doesn't keep the others from being looked after. @throws the signal's reason */
export async function discover(
  fleet: Fleet,
  registries: Registries,
  signal: AbortSignal,
): Promise<Discovery> {
  const faults: string[] = []
  const faulty = new Set<string>()
  const orFault = async <T>(host: string, work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof HeadstartError)) throw error
      faults.push(messageOf(error))
      faulty.add(host)
      return otherwise
    }
  }
  const catalogs = new Map<string, Promise<readonly string[]>>()
  const catalogOf = (host: string): Promise<readonly string[]> => {
    const known = catalogs.get(host) ?? orFault(host, catalog(registries, host, signal), [])
    catalogs.set(host, known)
    return known
  }
  const repositories = await repositoriesOf(fleet, catalogOf)
  const listed = await mapLimit([...repositories.values()], AT_ONCE, signal, async (each) => {
    const tags = each.needsList ? await orFault(each.host, tagsOf(registries, each), []) : []
    return { ...each, tags }
  })
  const images = listed.flatMap(({ host, repository, tags, literal }) =>
    [...new Set([...literal, ...tags])].flatMap((tag) => {
      const image = { host, repository, tag }
      const entry = entryFor(fleet, image)
      return entry ? [{ image, entry, tags }] : []
    }),
  )
  const used = new Set(images.map(({ entry }) => entry))
  return {
    images: images.toSorted((a, b) => (nameOf(a.image) < nameOf(b.image) ? -1 : 1)),
    faults,
    idle: fleet.entries.filter(
      (entry) => !used.has(entry) && !entry.repositories.some(({ host }) => faulty.has(host)),
    ),
  }
}

interface Wanted {
  readonly host: string
  readonly repository: string
  /** some entry has a pattern for its tags */
  readonly needsList: boolean
  readonly literal: readonly string[]
}

/** By name. */
async function repositoriesOf(
  { entries }: Fleet,
  catalogOf: (host: string) => Promise<readonly string[]>,
): Promise<ReadonlyMap<string, Wanted>> {
  const wanted = new Map<string, Wanted>()
  for (const entry of entries)
    for (const { host, pattern, isLiteral } of entry.repositories) {
      const names = isLiteral ? [pattern] : (await catalogOf(host)).filter(matcher([pattern]))
      for (const repository of names) {
        const name = `${host}/${repository}`
        const { needsList = false, literal = [] } = wanted.get(name) ?? {}
        const tags = literalTags(entry)
        wanted.set(name, {
          host,
          repository,
          needsList: needsList || tags === undefined,
          literal: [...literal, ...(tags ?? [])],
        })
      }
    }
  return wanted
}

/** @throws HeadstartError with what to do about a registry that shows no catalog */
async function catalog(registries: Registries, host: string, signal: AbortSignal): Promise<string[]> {
  try {
    const { client } = await registries.at(host, '')
    return await listRepositories(client, signal)
  } catch (cause) {
    signal.throwIfAborted()
    if (codeOf(cause) === 'E_REGISTRY_UNREACHABLE') throw cause
    throw new HeadstartError(
      'E_REGISTRY',
      `${host} does not list its repositories, so that they have to be named in fleet.yaml: ${messageOf(cause)}`,
      { cause },
    )
  }
}

const tagsOf = async (registries: Registries, { host, repository }: Wanted): Promise<string[]> =>
  listTags(await registries.at(host, repository))
