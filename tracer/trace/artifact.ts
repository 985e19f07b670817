/**
 * A trace as an artifact that is attached to the image it was recorded from: made, listed, chosen, and read without trusting it, since whoever
 * may push to the image's repository may attach one.
 */
import { promisify } from 'node:util'
import { gunzip, gzipSync, zstdDecompress } from 'node:zlib'
import { type Artifact, makeArtifact, readArtifact } from '../../image/referrers/artifact.ts'
import type { Descriptor, Digest, ImageSource, Referrer } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { MAX_DOCUMENT_BYTES } from '../../system/files/read-whole.ts'
import { parseTrace, type Trace, traceText } from './file.ts'
import { DEFAULT_NAME } from './name.ts'
import { summarizeTrace } from './summary.ts'

export const TRACE_ARTIFACT = 'application/vnd.headstart.trace.v1+json'
const NAME = 'vnd.headstart.trace.name'
const CREATED = 'org.opencontainers.image.created'

/** Traces of large images have tens of megabytes, and a twentieth of that when they are compressed. */
const MAX_STORED_BYTES = 32 << 20

/** The same trace under the same name gives the same artifact: attaching it again changes nothing. */
export function traceArtifact(trace: Trace, subject: Descriptor, name: string): Artifact {
  const { read } = summarizeTrace(trace)
  return makeArtifact({
    artifactType: TRACE_ARTIFACT,
    subject,
    content: {
      mediaType: `${TRACE_ARTIFACT}+gzip`,
      bytes: gzipSync(traceText(trace), { level: 9 }),
      annotations: { 'org.opencontainers.image.title': 'trace.json.gz' },
    },
    annotations: {
      [CREATED]: trace.run.startedAt,
      [NAME]: name,
      'vnd.headstart.trace.platform': trace.image.platform,
      'vnd.headstart.trace.runs': `${trace.run.runs}`,
      'vnd.headstart.trace.files': `${trace.files.length}`,
      'vnd.headstart.trace.read-bytes': `${read.bytes}`,
    },
  })
}

/** As its list entry describes it: unchecked until it is read. */
export interface AttachedTrace {
  readonly name: string
  readonly digest: Digest
  /** when the start was recorded; undefined: it doesn't say */
  readonly created: Date | undefined
  readonly files: number | undefined
  readonly readBytes: number | undefined
  readonly runs: number | undefined
  readonly referrer: Referrer
}

/** Newest first. */
export const attachedTraces = (referrers: readonly Referrer[]): AttachedTrace[] =>
  referrers
    .filter(({ artifactType }) => artifactType === TRACE_ARTIFACT)
    .map(described)
    .toSorted((a, b) => timeOf(b) - timeOf(a) || (keyOf(a) < keyOf(b) ? -1 : 1))

function described(referrer: Referrer): AttachedTrace {
  const { annotations = {}, digest } = referrer
  const created = new Date(annotations[CREATED] ?? '')
  const count = (what: string) => {
    const text = annotations[`vnd.headstart.trace.${what}`] ?? ''
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }
  return {
    name: (annotations[NAME] ?? DEFAULT_NAME).slice(0, 64),
    digest,
    created: Number.isNaN(created.getTime()) ? undefined : created,
    files: count('files'),
    readBytes: count('read-bytes'),
    runs: count('runs'),
    referrer,
  }
}

/** Of the same moment: in an order, whatever it is. */
const keyOf = ({ name, digest }: AttachedTrace): string => `${name} ${digest}`

const timeOf = ({ created }: AttachedTrace): number => created?.getTime() ?? 0

/** More can't be workloads of one image, and each would be held in memory. */
const MAX_CHOSEN = 20

/**
 * The newest of each name, or of the names that are asked for.
 * @param attached newest first. @param names all of them have to be there; empty: any. @param where for errors
 * @throws HeadstartError E_NO_PROFILE: none has such a name; E_ARTIFACT: there are too many names
 */
export function chooseTraces(
  attached: readonly AttachedTrace[],
  names: readonly string[],
  where: string,
): AttachedTrace[] {
  const newest = new Map<string, AttachedTrace>()
  for (const each of attached) if (!newest.has(each.name)) newest.set(each.name, each)
  const missing = names.find((name) => !newest.has(name))
  if (missing !== undefined) {
    const known = [...newest.keys()].slice(0, MAX_CHOSEN).join(', ')
    throw new HeadstartError('E_NO_PROFILE', `${where} has no profile named ${missing}`, {
      hint: known === '' ? 'No profile is attached to it' : `It has ${known}`,
    })
  }
  const chosen = [...newest.values()].filter(({ name }) => names.length === 0 || names.includes(name))
  if (chosen.length > MAX_CHOSEN)
    throw new HeadstartError(
      'E_ARTIFACT',
      `${where} has profiles under ${chosen.length} names; at most ${MAX_CHOSEN} are merged`,
      { hint: 'Choose one by name' },
    )
  return chosen
}

export interface ReadLimits {
  readonly signal?: AbortSignal | undefined
  /** of the trace, unpacked */
  readonly maxBytes?: number
}

/** @throws HeadstartError E_ARTIFACT: it isn't about the image, too large, or not what it says; E_TRACE, E_DIGEST, and what the source throws */
export async function readAttached(
  source: ImageSource,
  { referrer, digest, name }: AttachedTrace,
  subject: Digest,
  { signal, maxBytes = MAX_DOCUMENT_BYTES }: ReadLimits = {},
): Promise<Trace> {
  const what = 'the profile'
  const { content } = await readArtifact(source, referrer, {
    artifactType: TRACE_ARTIFACT,
    subject,
    maxBytes: MAX_STORED_BYTES,
    what,
    signal,
  })
  const where = `${what} ${name} (${digest}) attached in ${source.name}`
  return parseTrace((await unpacked(content, maxBytes, where)).toString('utf8'), where)
}

const unpackers: Readonly<Record<string, (bytes: Buffer, most: number) => Promise<Buffer>>> = {
  '': async (bytes) => bytes, // bounded as it is stored
  '+gzip': (bytes, most) => promisify(gunzip)(bytes, { maxOutputLength: most }),
  '+zstd': (bytes, most) => promisify(zstdDecompress)(bytes, { maxOutputLength: most }),
}

async function unpacked(
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Buffer },
  most: number,
  where: string,
): Promise<Buffer> {
  const suffix = mediaType.startsWith(TRACE_ARTIFACT) ? mediaType.slice(TRACE_ARTIFACT.length) : 'other'
  const unpack = Object.hasOwn(unpackers, suffix) ? unpackers[suffix] : undefined
  if (!unpack)
    throw new HeadstartError(
      'E_ARTIFACT',
      `${where} is refused: its content is ${mediaType.slice(0, 200)}, not a trace`,
    )
  try {
    return await unpack(bytes, most)
  } catch (cause) {
    const why = cause instanceof RangeError ? `has more than ${most} bytes` : 'is damaged'
    throw new HeadstartError('E_ARTIFACT', `${where} is refused: unpacked, it ${why}`, { cause })
  }
}
