/** The `index.json` of OCI layouts, in folders and archives alike: read, searched, and one image placed in it. Pure. */
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { descriptorSchema } from '../manifest.ts'
import { OCI_INDEX } from '../media-types.ts'
import type { Descriptor, Digest } from '../types.ts'

export const LAYOUT_DOCUMENT = JSON.stringify({ imageLayoutVersion: '1.0.0' })
/** Where a layout keeps a blob, relative to its root. */
export const blobPath = (digest: Digest): string => `blobs/sha256/${digest.slice('sha256:'.length)}`
const REF_NAME = 'org.opencontainers.image.ref.name'

/** The descriptor checked, and as it was found, so that rewriting an index loses nothing. */
export interface LayoutEntry {
  readonly descriptor: Descriptor
  readonly raw: unknown
}

const layoutSchema = z.object({ imageLayoutVersion: z.string() })
const indexSchema = z.object({ schemaVersion: z.literal(2), manifests: z.array(z.unknown()).max(100_000) })

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeadstartError('E_LAYOUT', `${what} is not JSON: ${messageOf(cause)}`, { cause })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new HeadstartError('E_LAYOUT', `${what} is wrong: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** @throws HeadstartError E_LAYOUT: another major version */
export function checkLayoutVersion(bytes: Buffer, name: string): void {
  const { imageLayoutVersion } = parse(layoutSchema, bytes.toString(), `the oci-layout file of ${name}`)
  if (!/^1\./.test(imageLayoutVersion))
    throw new HeadstartError(
      'E_LAYOUT',
      `${name} has the layout version ${JSON.stringify(imageLayoutVersion)}; known is 1.0.0`,
    )
}

export function parseLayoutIndex(bytes: Buffer, name: string): LayoutEntry[] {
  const what = `the index.json of ${name}`
  return parse(indexSchema, bytes.toString(), what).manifests.map((raw, place) => {
    const result = descriptorSchema.safeParse(raw)
    if (result.success) return { descriptor: result.data, raw }
    const issue = result.error.issues[0]
    const field = ['manifests', place, ...(issue?.path ?? [])].join('.')
    throw new HeadstartError('E_LAYOUT', `${what} is wrong: ${field}: ${issue?.message}`)
  })
}

const tagOf = ({ descriptor }: LayoutEntry): string | undefined => descriptor.annotations?.[REF_NAME]

export const taggedIn = (index: readonly LayoutEntry[], tag: string | undefined): LayoutEntry | undefined =>
  index.find((entry) => tagOf(entry) === tag)

/** @throws HeadstartError E_IMAGE_NOT_FOUND naming the tags there are */
export function selectFromIndex(
  index: readonly LayoutEntry[],
  { tag, digest }: { tag: string | undefined; digest: Digest | undefined },
  name: string,
): Descriptor {
  const only = index.length === 1 ? index[0] : taggedIn(index, undefined)
  const found =
    digest !== undefined
      ? index.find(({ descriptor }) => descriptor.digest === digest)
      : tag !== undefined
        ? taggedIn(index, tag)
        : only
  if (found) return found.descriptor
  const tags = index.flatMap((entry) => tagOf(entry) ?? []).slice(0, 20)
  const there =
    tags.length > 0 ? `It has the tags ${tags.join(', ')}` : `It has ${index.length} images without a tag`
  if (tag === undefined && digest === undefined && index.length > 1)
    throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} holds ${index.length} images; say which`, {
      hint: there,
    })
  throw new HeadstartError('E_IMAGE_NOT_FOUND', `${name} is not there`, { hint: there })
}

/** The document with `descriptor` under `tag`, instead of what was there under it. */
export function placeInIndex(index: readonly LayoutEntry[], descriptor: Descriptor, tag: string | undefined) {
  const kept = index.filter((entry) => tagOf(entry) !== tag).map(({ raw }) => raw)
  const placed =
    tag === undefined
      ? descriptor
      : { ...descriptor, annotations: { ...descriptor.annotations, [REF_NAME]: tag } }
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [...kept, placed] }
}
