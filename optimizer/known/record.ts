/** What is kept of a layer on disk: its entries as reading it gave them, and what was made of it. Parsed as anything from outside is. */
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { z } from 'zod'
import { digestSchema } from '../../image/document.ts'
import type { PlanEntry } from '../plan/layer.ts'

/** An entry of a layer that was not read again. */
export interface KnownEntry extends PlanEntry {
  /** of a regular file */
  readonly digest: string | undefined
  /** compressed bytes of each of its chunks, in order */
  readonly stored: readonly number[]
}

/** More entries than this are not kept: their record would take as long to read as the layer. */
const MAX_KNOWN_ENTRIES = 300_000
/** In all paths and links: as text in JSON, where a character may become six, they still fit into a string. */
const MAX_KNOWN_CHARACTERS = 64 << 20
/** Of a record, packed and unpacked. */
export const MAX_RECORD_BYTES = 32 << 20
const MAX_UNPACKED_BYTES = 256 << 20

const count = z.int().nonnegative()
const entrySchema = z
  .tuple([z.string(), z.string(), count, z.string().nullable(), z.string().nullable(), z.array(count)])
  .transform(
    ([path, type, size, linkPath, digest, stored]): KnownEntry => ({
      path,
      type,
      size,
      linkPath: linkPath ?? undefined,
      digest: digest ?? undefined,
      stored,
    }),
  )

const entriesSchema = z.array(entrySchema).max(MAX_KNOWN_ENTRIES)

const madeSchema = z.object({
  result: z.object({
    mediaType: z.string(),
    digest: digestSchema,
    size: count,
    annotations: z.record(z.string(), z.string()),
  }),
  diffId: digestSchema,
  facts: z.object({
    entries: count,
    zoneEntries: count,
    zoneFiles: count,
    splitFiles: count,
    zoneBytes: count,
    tocBytes: count,
  }),
  notes: z.array(z.string()),
})

/** A layer that was made, and what is said about it. */
export type MadeLayer = z.infer<typeof madeSchema>

const [pack, unpack] = [promisify(gzip), promisify(gunzip)]

/** @returns undefined: they are too many, or take too much, to be kept */
export async function packEntries(entries: readonly KnownEntry[]): Promise<Buffer | undefined> {
  const characters = entries.reduce((sum, { path, linkPath = '' }) => sum + path.length + linkPath.length, 0)
  if (entries.length > MAX_KNOWN_ENTRIES || characters > MAX_KNOWN_CHARACTERS) return undefined
  const record = await packed(
    entries.map(({ path, type, size, linkPath, digest, stored }) => [
      path,
      type,
      size,
      linkPath ?? null,
      digest ?? null,
      stored,
    ]),
  )
  return record.length <= MAX_RECORD_BYTES ? record : undefined
}

export const packMade = (made: MadeLayer): Promise<Buffer> => packed(made)

/** @returns undefined: damaged, or of another version */
export const unpackEntries = (bytes: Buffer): Promise<readonly KnownEntry[] | undefined> =>
  unpacked(bytes, entriesSchema)

/** @returns undefined: damaged, or of another version */
export const unpackMade = (bytes: Buffer): Promise<MadeLayer | undefined> => unpacked(bytes, madeSchema)

/** Fast: it is read soon, and removed when there is no room. */
const packed = (document: unknown): Promise<Buffer> => pack(JSON.stringify(document), { level: 1 })

async function unpacked<T>(bytes: Buffer, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const text = await unpack(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })
    return schema.safeParse(JSON.parse(text.toString('utf8'))).data
  } catch {
    return undefined
  }
}
