/**
 * Lists of referrers, from a registry's API or from the tag that replaces it where there is none: parsed, bounded, and extended by one. Pure.
 *
 * Source: OCI distribution-spec v1.1, "Listing Referrers" and "Referrers Tag Schema"; image-spec v1.1, "Guidelines for Artifact Usage".
 */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { checkValue } from '../../system/text/json.ts'
import { nullable, parseBounded } from '../document.ts'
import { descriptorSchema, MAX_MANIFEST_BYTES } from '../manifest.ts'
import { OCI_INDEX } from '../media-types.ts'
import type { Descriptor, Digest, Referrer } from '../types.ts'

/** Of the config of an artifact that has none. */
export const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
/** In all pages of a list together. Nobody attaches as many; a list that never ends is a fault. */
export const MAX_REFERRERS = 10_000

const referrerSchema = descriptorSchema.extend({ artifactType: nullable(z.string()) })
/** Other fields of entries and list are kept, for the list that is written back. */
const listSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  manifests: nullable(z.array(z.looseObject({ digest: z.string() })).max(MAX_REFERRERS)),
})

export type ReferrerList = z.infer<typeof listSchema>

export const NO_REFERRERS: ReferrerList = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }

/** @param where for the error. @throws HeadstartError E_ARTIFACT, E_TOO_LARGE */
export function parseReferrerList(bytes: Uint8Array, where: string): ReferrerList {
  const subject = { code: 'E_ARTIFACT', what: `the list of referrers ${where}` } as const
  return checkValue(parseBounded(bytes, MAX_MANIFEST_BYTES, subject), listSchema, subject)
}

/** @throws HeadstartError E_ARTIFACT: an entry that is not a descriptor */
export function entriesOf({ manifests = [] }: ReferrerList, where: string): Referrer[] {
  const subject = { code: 'E_ARTIFACT', what: `the list of referrers ${where}` } as const
  return checkValue(manifests, z.array(referrerSchema), subject)
}

export const isListed = ({ manifests = [] }: ReferrerList, digest: Digest): boolean =>
  manifests.some((entry) => entry.digest === digest)

/** The list with one more; what it had stays as it was. */
export const withReferrer = (list: ReferrerList, referrer: Referrer): ReferrerList => ({
  ...list,
  mediaType: OCI_INDEX,
  manifests: [...(list.manifests ?? []), { ...referrer }],
})

const factsSchema = z.looseObject({
  mediaType: z.string().optional(),
  artifactType: nullable(z.string()),
  config: nullable(z.looseObject({ mediaType: z.string() })),
  subject: nullable(descriptorSchema),
  annotations: nullable(z.record(z.string(), z.string())),
})

/**
 * What a manifest or index says of itself as a referrer.
 * @returns undefined: it names no subject
 * @throws HeadstartError E_ARTIFACT, E_TOO_LARGE
 */
export function referrerIn(
  bytes: Uint8Array,
  descriptor: Descriptor,
): { referrer: Referrer; subject: Descriptor } | undefined {
  const about = { code: 'E_ARTIFACT', what: `the manifest ${descriptor.digest}` } as const
  const value = parseBounded(bytes, MAX_MANIFEST_BYTES, about)
  const { artifactType, config, subject, annotations } = checkValue(value, factsSchema, about)
  if (subject === undefined) return undefined
  const { mediaType, digest, size } = descriptor
  const type = artifactType || config?.mediaType
  return {
    subject,
    referrer: {
      mediaType,
      digest,
      size,
      ...(type !== undefined && { artifactType: type }),
      ...(annotations && { annotations }),
    },
  }
}

/** @throws HeadstartError E_ARTIFACT */
export function checkCount(count: number, where: string): void {
  if (count > MAX_REFERRERS)
    throw new HeadstartError('E_ARTIFACT', `more than ${MAX_REFERRERS} artifacts are attached to ${where}`)
}
