/** What is to be done for a push: a registry's word is taken for which tag to look at, and for nothing else. */
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveTag } from '../../image/registry/tags.ts'
import type { Digest } from '../../image/types.ts'
import { entryFor, type Fleet } from '../config/fleet.ts'
import { type Named, nameOf } from '../config/names.ts'
import type { Looking } from '../look/look.ts'
import { type Surveyed, stepFor } from '../survey.ts'
import type { Pushed } from './notifications.ts'

/** Before all that was found by looking around: somebody waits for it. */
const PUSH_PRIORITY = 0

/**
 * @param clashes of the last survey: images whose target is another's
 * @returns nothing for what the fleet doesn't have. A registry that calls itself by a name that the fleet doesn't know may be any of them.
 * @throws HeadstartError what the registry and the queue throw
 */
export async function stepsForPush(
  fleet: Fleet,
  { host, repository, tag, digest }: Pushed,
  looking: Looking,
  clashes: ReadonlyMap<string, string>,
): Promise<Surveyed[]> {
  const hosts = [
    ...new Set(fleet.entries.flatMap(({ repositories }) => repositories.map((each) => each.host))),
  ]
  const asked = host !== undefined && hosts.includes(host) ? [host] : hosts
  const found: Surveyed[] = []
  for (const each of asked) {
    const image = { host: each, repository, tag }
    const entry = entryFor(fleet, image)
    if (!entry) continue
    const name = nameOf(image)
    await untilTagged(image, digest, looking)
    const step = await stepFor({ image, entry, tags: [] }, looking, {
      clash: clashes.get(name),
      priority: PUSH_PRIORITY,
    })
    found.push({ image: name, step })
  }
  return found
}

const WAITS_MS = [100, 200, 400, 800, 1600, 3200]

/**
 * Waits until the tag names what was pushed: distribution tells of a manifest before it gives it the tag. One that names something else by then
 * has been pushed once more, and is looked at as it is.
 */
async function untilTagged(
  { host, repository, tag }: Named,
  digest: Digest | undefined,
  { registries, signal }: Looking,
): Promise<void> {
  if (digest === undefined) return
  for (const ms of WAITS_MS) {
    const tagged = await resolveTag(await registries.at(host, repository), tag)
    if (tagged?.digest === digest) return
    await sleep(ms, undefined, { signal })
  }
}
