/**
 * The table of contents: JSON to entries and back. Names are bytes: the JSON is read and written as bytes too, so that a name that
 * isn't UTF-8 stays what it is (other readers see U+FFFD in it, which is all that JSON lets them see).
 *
 * Source: eStargz specification, "TOC".
 */
import { z } from 'zod'
import { HeadstartError } from '../../../system/errors.ts'
import type { BytePath } from '../../../system/text/byte-path.ts'
import { checkValue, parseJson } from '../../../system/text/json.ts'
import type { Digest } from '../../digest.ts'

export const TOC_NAME = 'stargz.index.json'
export const PREFETCH_LANDMARK = '.prefetch.landmark'
export const NO_PREFETCH_LANDMARK = '.no.prefetch.landmark'
export const LANDMARK_CONTENT = Buffer.from([0x0f])
const FORMAT_FILES: ReadonlySet<string> = new Set([TOC_NAME, PREFETCH_LANDMARK, NO_PREFETCH_LANDMARK])
/** What a layer has because it is eStargz: not a part of what it unpacks to. */
export const isFormatFile = (path: BytePath): boolean => FORMAT_FILES.has(path)

export const TOC_DIGEST_ANNOTATION = 'containerd.io/snapshot/stargz/toc.digest'
export const UNCOMPRESSED_SIZE_ANNOTATION = 'io.containers.estargz.uncompressed-size'

const size = z.number().int().nonnegative().optional()
const integer = z.number().int().optional()
const text = z.string().optional()

const type = z.enum(['dir', 'reg', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'chunk'])

const entrySchema = z.object({
  name: z.string(),
  type,
  size,
  modtime: text,
  linkName: text,
  mode: integer,
  uid: integer,
  gid: integer,
  userName: text,
  groupName: text,
  /** of the chunk's gzip member in the blob */
  offset: size,
  /** of the content in the member's uncompressed bytes */
  innerOffset: size,
  devMajor: integer,
  devMinor: integer,
  /** of zstd:chunked, where a tar has them */
  accesstime: text,
  changetime: text,
  /** values in base64; Go writes null for an empty one */
  xattrs: z.record(z.string(), z.string().nullable()).nullish(),
  digest: text,
  /** in the file */
  chunkOffset: size,
  /** 0 or absent: to the end of the file */
  chunkSize: size,
  chunkDigest: text,
})

/** One JSON entry. Strings are bytes as latin1 text. */
export type TocEntry = z.infer<typeof entrySchema>

const tocSchema = z.object({ version: z.number().int(), entries: z.array(entrySchema).nullable() })
/** The same, with entries that are yet to be checked. */
const documentSchema = z.object({ version: z.number().int(), entries: z.array(z.unknown()).nullable() })

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

type Test = (value: unknown) => boolean

/** What schemas of many fields accept, in a tenth of their time: tables have a million fields, and a start waits for them. */
const QUICK: ReadonlyMap<z.ZodType, Test> = new Map<z.ZodType, Test>([
  [size, (value) => Number.isSafeInteger(value) && Number(value) >= 0],
  [integer, Number.isSafeInteger],
  [text, (value) => typeof value === 'string'],
])
const TYPES: ReadonlySet<unknown> = new Set(type.options)

const TESTS: ReadonlyMap<string, Test> = new Map(
  Object.entries(entrySchema.shape).map(([field, schema]) => [
    field,
    QUICK.get(schema) ?? ((value: unknown) => schema.safeParse(value).success),
  ]),
)

/** It takes nothing that the schema refuses. */
function isEntry(value: unknown): value is TocEntry {
  if (!isRecord(value) || typeof value.name !== 'string' || !TYPES.has(value.type)) return false
  for (const field in value)
    if (field !== 'name' && field !== 'type' && TESTS.get(field)?.(value[field]) === false) return false
  return true
}

/** Entries take some hundred bytes of memory each, however few they have in the JSON: counted before they are made. */
const MAX_ENTRIES = 2_000_000
/** An entry has sixteen fields at most, in all but the fewest layers. */
const MAX_FIELDS = 16 * MAX_ENTRIES

function checkCounts(json: Buffer): void {
  if (json.length < 2 * MAX_ENTRIES) return // each takes a byte
  let [groups, commas] = [0, 0]
  // Not by its iterator, which takes longer for each byte than all else that is done with it.
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === 0x7b || byte === 0x5b) groups++
    else if (byte === 0x2c) commas++
  }
  // An entry is a group, and its attributes are one.
  if (groups > 2 * MAX_ENTRIES || commas > MAX_FIELDS)
    throw new HeadstartError(
      'E_ESTARGZ',
      `the table of contents has more than ${MAX_ENTRIES} entries, or more than ${MAX_FIELDS} fields`,
    )
}

/** @throws HeadstartError E_ESTARGZ: too many entries, not JSON, another version, an invalid field (named) */
export function parseToc(json: Buffer): TocEntry[] {
  checkCounts(json)
  const maxValues = 2 * MAX_ENTRIES + MAX_FIELDS // as counted
  const subject = {
    code: 'E_ESTARGZ',
    what: 'the table of contents',
    otherwise: 'is invalid',
    maxValues,
  } as const
  const document = parseJson(unescapeToBytes(json.toString('latin1')), documentSchema, subject)
  const { version, entries } = document
  if (version !== 1)
    throw new HeadstartError('E_ESTARGZ', `the table of contents has version ${version}, not 1`)
  if (entries !== null && entries.length > MAX_ENTRIES)
    throw new HeadstartError(
      'E_ESTARGZ',
      `the table of contents has ${entries.length} entries; ${MAX_ENTRIES} is the limit`,
    )
  if (entries === null || entries.every(isEntry)) return entries ?? []
  return checkValue(document, tocSchema, subject).entries ?? [] // which names the field
}

/** `\u00e9` names a character, which is two bytes of UTF-8; in text of bytes it must stand as those. */
function unescapeToBytes(json: string): string {
  if (!json.includes('\\u')) return json
  return json.replace(
    /\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|[^u])/g,
    (whole, high?: string, low?: string) => {
      if (high === undefined) return whole
      const code = Number.parseInt(high, 16)
      if (code < 0x80) return low === undefined ? whole : `\\u${high}${utf8('\ufffd')}`
      const text = String.fromCharCode(code, ...(low === undefined ? [] : [Number.parseInt(low, 16)]))
      return utf8(text)
    },
  )
}

const tooMany = (): HeadstartError =>
  new HeadstartError(
    'E_ESTARGZ',
    `the layer has more than ${MAX_ENTRIES} files and chunks, the limit for eStargz layers`,
    {
      hint: 'Split the layer, or use larger chunks',
    },
  )

const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/**
 * Compact JSON, one fixed order of fields, in pieces. The sha256 of all is the TOC's digest.
 * @param tarSplitDigest of zstd:chunked: sha256 of the tar-split data as stored
 * @throws HeadstartError E_ESTARGZ: more entries than `parseToc` takes
 */
export function* encodeToc(
  entries: Iterable<TocEntry>,
  tarSplitDigest?: Digest,
): Generator<Buffer, void, undefined> {
  const split = tarSplitDigest === undefined ? '' : `"tarSplitDigest":"${tarSplitDigest}",`
  // In batches: a million files don't fit into one string.
  let batch: string[] = [`{"version":1,${split}"entries":[`]
  let separator = ''
  let count = 0
  for (const entry of entries) {
    if (++count > MAX_ENTRIES) throw tooMany()
    batch.push(separator, JSON.stringify(entry))
    separator = ','
    if (batch.length < 4096) continue
    yield Buffer.from(batch.join(''), 'latin1')
    batch = []
  }
  batch.push(']}')
  yield Buffer.from(batch.join(''), 'latin1')
}
