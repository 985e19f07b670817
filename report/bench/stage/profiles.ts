/** The profiles that are attached to an image where it was found: the registry behind the link serves them with its copy. */
import { openAttached } from '../../../image/referrers/place.ts'
import type { Image } from '../../../image/types.ts'
import { attachedTraces, chooseTraces, readAttached } from '../../../tracer/trace/artifact.ts'
import type { NamedProfile, RegistryAccess } from './origin-order.ts'

/**
 * The newest of each name: those that a start uses.
 * @throws HeadstartError E_ARTIFACT, E_TRACE, and what opening the place throws
 */
export async function profilesOf(
  { reference, descriptor: { digest } }: Image,
  access: RegistryAccess,
  signal?: AbortSignal,
): Promise<NamedProfile[]> {
  await using source = await openAttached(reference, { ...access, signal })
  const found = attachedTraces((await source.referrers?.(digest, signal)) ?? [])
  const profiles: NamedProfile[] = []
  for (const one of chooseTraces(found, [], source.name))
    profiles.push({ name: one.name, trace: await readAttached(source, one, digest, { signal }) })
  return profiles
}
