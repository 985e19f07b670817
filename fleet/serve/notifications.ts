/**
 * What registries send when something was pushed, in the forms of distribution (and what is built on it) and of Harbor, its own and CloudEvents. Pure.
 * Names and digests are another's word: those that can't be names are left out, and no more events are taken than a body of that size may sensibly hold.
 *
 * Sources: distribution.github.io/distribution/about/notifications; goharbor.io/docs "Configure Webhook Notifications".
 */
import { z } from 'zod'
import { isDigest } from '../../image/digest.ts'
import { isRepository, isTag, parseReference } from '../../image/reference.ts'
import type { Digest } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'

/** A tag that was given a new image. */
export interface Pushed {
  /** by which the registry calls itself, or was called by whoever pushed; undefined: it didn't say */
  readonly host: string | undefined
  readonly repository: string
  readonly tag: string
  /** what the tag named then */
  readonly digest: Digest | undefined
}

const MAX_EVENTS = 1000

const events = z.array(z.unknown())

const distributionSchema = z.object({ events })
/** A push of a blob, a pull or a deletion has no tag, or another action. */
const distributionEvent = z.object({
  action: z.literal('push'),
  target: z.object({ repository: z.string(), tag: z.string(), digest: z.string().optional() }),
  request: z.object({ host: z.string().optional() }).optional(),
})

const harborData = z.object({
  resources: events,
  repository: z.object({ repo_full_name: z.string() }),
})
const harborResource = z.object({
  tag: z.string(),
  digest: z.string().optional(),
  resource_url: z.string().optional(),
})
const harborSchema = z.object({ type: z.string(), event_data: harborData })
const cloudEventSchema = z.object({ specversion: z.string(), type: z.string(), data: harborData })

/**
 * @returns what was pushed, without what is no push of a tag
 * @throws HeadstartError E_NOTIFICATION: it has none of these forms, or too many events
 */
export function parseNotification(body: unknown): Pushed[] {
  const distribution = distributionSchema.safeParse(body)
  if (distribution.success) return bounded(distribution.data.events).flatMap(ofDistribution)
  const harbor = harborSchema.safeParse(body)
  if (harbor.success) return harbor.data.type === 'PUSH_ARTIFACT' ? ofHarbor(harbor.data.event_data) : []
  const cloudEvent = cloudEventSchema.safeParse(body)
  if (cloudEvent.success)
    return cloudEvent.data.type === 'harbor.artifact.pushed' ? ofHarbor(cloudEvent.data.data) : []
  throw new HeadstartError(
    'E_NOTIFICATION',
    "this is not a notification of distribution's form, nor of Harbor's",
  )
}

function bounded<T>(all: readonly T[]): readonly T[] {
  if (all.length > MAX_EVENTS)
    throw new HeadstartError('E_NOTIFICATION', `a notification of more than ${MAX_EVENTS} events`)
  return all
}

function ofDistribution(event: unknown): Pushed[] {
  const { data } = distributionEvent.safeParse(event)
  if (!data) return []
  return named(data.request?.host, data.target)
}

function ofHarbor({ resources, repository }: z.infer<typeof harborData>): Pushed[] {
  return bounded(resources).flatMap((resource) => {
    const { data } = harborResource.safeParse(resource)
    return data ? named(hostOf(data.resource_url), { ...data, repository: repository.repo_full_name }) : []
  })
}

/** `harbor.example/library/debian:v1.4` */
function hostOf(url: string | undefined): string | undefined {
  try {
    return url === undefined ? undefined : parseReference(url).host
  } catch {
    return undefined
  }
}

function named(
  host: string | undefined,
  { repository, tag, digest }: { repository: string; tag: string; digest?: string | undefined },
): Pushed[] {
  if (!isRepository(repository) || !isTag(tag)) return []
  const known = digest !== undefined && isDigest(digest) ? digest : undefined
  return [{ host: host === '' ? undefined : host, repository, tag, digest: known }]
}
