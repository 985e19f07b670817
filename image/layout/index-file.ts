/** The `index.json` of OCI layouts, in folders and archives alike: read, searched, and one image placed in it. Pure. */
import { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'
import { parseJson } from '../../system/text/json.ts'
import { descriptorSchema } from '../manifest.ts'
import { OCI_INDEX } from '../media-types.ts'
import { isCosignTag } from '../referrers/cosign-tags.ts'
import type { Descriptor, Digest, Referrer } from '../types.ts'

export const LAYOUT_DOCUMENT = JSON.stringify({ imageLayoutVersion: '1.0.0' })
/** Where a layout keeps a blob, relative to its root. */
export const blobPath = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`
const REF_NAME = 'org.opencontainers.image.ref.name'

/** The descriptor, checked, and as it was found, so that rewriting an index loses nothing. */
export interface LayoutEntry {
  readonly descriptor: Descriptor
  readonly raw: unknown
}

const layoutSchema = z.object({ imageLayoutVersion: z.string() })
const entrySchema = z.unknown().transform((raw, context): LayoutEntry => {
  const result = descriptorSchema.safeParse(raw)
  if (result.success) return { descriptor: result.data, raw }
  for (const { path, message } of result.error.issues)
    context.addIssue({ code: 'custom', path: [...path], message })
  return z.NEVER
})
const indexSchema = z.object({ schemaVersion: z.literal(2), manifests: z.array(entrySchema).max(100_000) })

/** @throws HeadstartError E_LAYOUT: another major version */
export function checkLayoutVersion(bytes: Buffer, name: string): void {
  const { imageLayoutVersion } = parseJson(bytes.toString(), layoutSchema, {
    code: 'E_LAYOUT',
    what: `the oci-layout file of ${name}`,
  })
  if (!/^1\./.test(imageLayoutVersion))
    throw new HeadstartError(
      'E_LAYOUT',
      `${name} has the layout version ${JSON.stringify(imageLayoutVersion)}; only 1.x is supported`,
    )
}

export function parseLayoutIndex(bytes: Buffer, name: string): LayoutEntry[] {
  return parseJson(bytes.toString(), indexSchema, { code: 'E_LAYOUT', what: `the index.json of ${name}` })
    .manifests
}

const artifactSchema = z.looseObject({ artifactType: z.string().min(1) })

/** Something attached to an image, which is not meant when a layout is named without a tag. */
const isAttached = (entry: LayoutEntry): boolean =>
  tagOf(entry) === undefined && artifactSchema.safeParse(entry.raw).success

const tagOf = ({ descriptor }: LayoutEntry): string | undefined => descriptor.annotations?.[REF_NAME]

export const taggedIn = (index: readonly LayoutEntry[], tag: string | undefined): LayoutEntry | undefined =>
  index.find((entry) => tagOf(entry) === tag && !isAttached(entry))

/** @throws HeadstartError E_IMAGE_NOT_FOUND naming the tags there are */
export function selectFromIndex(
  index: readonly LayoutEntry[],
  { tag, digest }: { tag: string | undefined; digest: Digest | undefined },
  name: string,
): Descriptor {
  const images = index.filter((entry) => !isAttached(entry) && !isCosignTag(tagOf(entry) ?? ''))
  const only = images.length === 1 ? images[0] : taggedIn(index, undefined)
  const found =
    digest !== undefined
      ? index.find(({ descriptor }) => descriptor.digest === digest)
      : tag !== undefined
        ? taggedIn(index, tag)
        : only
  if (found) return found.descriptor
  const tags = images.flatMap((entry) => tagOf(entry) ?? []).slice(0, 20)
  const there =
    tags.length > 0 ? `It has the tags ${tags.join(', ')}` : `It has ${images.length} images without a tag`
  if (tag === undefined && digest === undefined && images.length > 1)
    throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} holds ${images.length} images; say which`, {
      hint: there,
    })
  throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} was not found`, { hint: there })
}

/** What is new in a layout. */
export interface Additions {
  /** by tag; undefined: the image without one */
  readonly placed?: ReadonlyMap<string | undefined, Descriptor>
  readonly attached?: readonly Referrer[]
}

/**
 * The document with each of `placed` under its tag, instead of what had that tag; and with what is attached, each once, under no tag: a name that
 * one gives itself is no name of the layout's.
 */
export function indexWith(index: readonly LayoutEntry[], { placed = new Map(), attached = [] }: Additions) {
  const added = new Map(attached.map((referrer) => [referrer.digest, unnamed(referrer)]))
  const isReplaced = (entry: LayoutEntry): boolean =>
    isAttached(entry) ? added.has(entry.descriptor.digest) : placed.has(tagOf(entry))
  const kept = index.filter((entry) => !isReplaced(entry)).map(({ raw }) => raw)
  const named = [...placed].map(([tag, descriptor]) =>
    tag === undefined
      ? descriptor
      : { ...descriptor, annotations: { ...descriptor.annotations, [REF_NAME]: tag } },
  )
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...kept, ...named, ...added.values()] }
}

function unnamed({ annotations, ...referrer }: Referrer): Referrer {
  if (!annotations) return referrer
  const { [REF_NAME]: _, ...others } = annotations
  return { ...referrer, annotations: others }
}
