/**
 * The profile that a prefetch is planned by: trace files, and what is attached to the image. It only ever helps: whatever is wrong with one
 * is a note, and the start goes on without it.
 */
import type { Digest, Image, ImageSource } from '../../../../image/types.ts'
import { messageOf } from '../../../../system/errors.ts'
import { mapLimit } from '../../../../system/map-limit.ts'
import { attachedTraces, chooseTraces, readAttached } from '../../../trace/artifact.ts'
import { readTrace, type Trace } from '../../../trace/file.ts'
import { fittingTraces } from '../../../trace/fitting.ts'
import { mergeTraces } from '../../../trace/merge.ts'
import type { PrefetchPlan } from '../../messages.ts'
import type { LazyTree } from '../tree.ts'

type ProfileSpec = NonNullable<LazyTree['profile']>

export interface Profile {
  /** undefined: there is none that can be read */
  readonly trace: Trace | undefined
  readonly used: PrefetchPlan['profiles']
  readonly notes: readonly string[]
}

interface Read {
  readonly name: string
  readonly digest?: string
  readonly trace: Trace
}

/** How long a registry may take to list and give them; a start waits less long. */
const PATIENCE_MS = 10_000
const AT_ONCE = 4
/** Of one, unpacked: parsing more would hold up the start. Those of large images have tens of megabytes. */
const MAX_BYTES = 64 << 20

export interface ReadTraces {
  /** newest first */
  readonly read: readonly Read[]
  readonly notes: readonly string[]
}

/** @param subject of the image's manifest. Never rejects. */
export async function readTraces(
  source: ImageSource,
  subject: Digest,
  spec: ProfileSpec,
): Promise<ReadTraces> {
  const notes: string[] = []
  const { patienceMs = PATIENCE_MS } = spec
  const signal = AbortSignal.timeout(patienceMs)
  const orNote = async <T>(work: Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work
    } catch (error) {
      notes.push(
        signal.aborted
          ? `the attached profiles did not arrive within ${patienceMs / 1000} s`
          : messageOf(error),
      )
      return otherwise
    }
  }
  const [files, attached] = await Promise.all([
    Promise.all((spec.files ?? []).map((file) => orNote(readFile(file), []))),
    spec.attached ? orNote(attachedTo(source, subject, { name: spec.name, signal, orNote }), []) : [],
  ])
  return { read: [...files.flat(), ...attached], notes: [...new Set(notes)] }
}

/** Those of one content become one; that it need not be this image's is no fault, since files are found by path. Pure. */
export function profileOf({ read, notes }: ReadTraces, image: Image): Profile {
  const { fitting, others } = fittingTraces(read, image)
  const left = others.map(
    ({ name }) => `the profile ${name} is left out: it was recorded from another image than the others`,
  )
  return {
    trace: fitting.length === 0 ? undefined : mergeTraces(fitting.map(({ trace }) => trace)),
    used: fitting.map(({ name, digest }) => ({ name, ...(digest !== undefined && { digest }) })),
    notes: [...notes, ...left],
  }
}

const readFile = async (file: string): Promise<Read[]> => [{ name: file, trace: await readTrace(file) }]

interface Attached {
  readonly name: string | undefined
  readonly signal: AbortSignal
  orNote<T>(work: Promise<T>, otherwise: T): Promise<T>
}

async function attachedTo(
  source: ImageSource,
  subject: Digest,
  { name, signal, orNote }: Attached,
): Promise<Read[]> {
  const found = attachedTraces((await source.referrers?.(subject, signal)) ?? [])
  if (found.length === 0 && name === undefined) return []
  const chosen = chooseTraces(found, name === undefined ? [] : [name], source.name)
  const read = await mapLimit(chosen, AT_ONCE, signal, (each) =>
    orNote<Read[]>(
      readAttached(source, each, subject, { signal, maxBytes: MAX_BYTES }).then((trace) => [
        { name: each.name, digest: each.digest, trace },
      ]),
      [],
    ),
  )
  return read.flat()
}
