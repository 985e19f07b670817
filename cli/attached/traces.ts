/** Profiles that are attached to images: found, read and merged, attached, and carried on to the image that was made. */
import { attach } from '../../image/referrers/attach.ts'
import type { Descriptor, Image, ImageSource, ImageTarget } from '../../image/types.ts'
import { sourceNamedIn } from '../../optimizer/rebuild/manifest.ts'
import { HeadstartError } from '../../system/errors.ts'
import {
  type AttachedTrace,
  attachedTraces,
  chooseTraces,
  readAttached,
  traceArtifact,
} from '../../tracer/trace/artifact.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import { fittingTraces, isTraceOf } from '../../tracer/trace/fitting.ts'
import { mergeTraces } from '../../tracer/trace/merge.ts'
import { ageText } from '../print/attached.ts'
import type { Output } from '../print/output.ts'

export interface ReadTrace {
  readonly attached: AttachedTrace
  readonly trace: Trace
}

/** What is attached to one image, newest first, and what of it has been read so far. */
export interface Attached {
  readonly found: readonly AttachedTrace[]
  readonly read: readonly ReadTrace[]
}

/** Newest first; none where nothing can be attached. @throws HeadstartError E_ARTIFACT, and what the source throws */
export const tracesOf = async (
  source: ImageSource,
  image: Image,
  signal: AbortSignal,
): Promise<AttachedTrace[]> =>
  attachedTraces((await source.referrers?.(image.descriptor.digest, signal)) ?? [])

interface Wanted {
  readonly found: readonly AttachedTrace[]
  /** those that needn't be read again */
  readonly read?: readonly ReadTrace[]
  /** none: all */
  readonly names: readonly string[]
  readonly signal: AbortSignal
}

/**
 * The newest of each name, or of the names that are asked for.
 * @throws HeadstartError E_NO_PROFILE, E_ARTIFACT, E_TRACE, and what the source throws
 */
export async function readTraces(
  source: ImageSource,
  image: Image,
  { found, read = [], names, signal }: Wanted,
): Promise<ReadTrace[]> {
  const before = new Map(read.map((each) => [each.attached.digest, each.trace]))
  const all: ReadTrace[] = []
  for (const attached of chooseTraces(found, names, source.name)) {
    const trace =
      before.get(attached.digest) ??
      (await readAttached(source, attached, image.descriptor.digest, { signal }))
    all.push({ attached, trace })
  }
  return all
}

/** Those that fit become one. The others are left out, and it is said. */
export function mergeAttached(
  read: readonly ReadTrace[],
  image: Image,
  output: Output,
): { readonly trace: Trace; readonly profiles: readonly AttachedTrace[] } {
  const { fitting, others } = fittingTraces(read, image)
  for (const { attached, trace } of others)
    output.warn(
      `profile ${attached.name} (${attached.digest}) is left out: it was recorded from another image, ${trace.image.digest}`,
    )
  return {
    trace: mergeTraces(fitting.map(({ trace }) => trace)),
    profiles: fitting.map(({ attached }) => attached),
  }
}

/** Which are used: name, digest and age. @param now of the reader's clock */
export const usedLines = (read: readonly ReadTrace[], where: string, now: Date): string[] =>
  read.map(
    ({ attached: { name, digest, created } }) =>
      `using profile ${name}, ${created ? `recorded ${ageText(created, now)}` : 'of unknown age'}, attached to ${where}: ${digest}`,
  )

/** One of the image that this one was made from by `optimize` is of it, too: it has the same files. @throws HeadstartError E_ARTIFACT: the trace is of another image */
export function checkTraceOf(trace: Trace, image: Image): void {
  if (isTraceOf(trace, image) || trace.image.digest === sourceNamedIn(image.rawManifest)) return
  const { reference, digest } = trace.image
  throw new HeadstartError(
    'E_ARTIFACT',
    `the trace was recorded from another image, ${reference} (${digest}): ${image.reference} is ${image.descriptor.digest}`,
    { hint: 'Attach it anyway with --force; files are found by path' },
  )
}

/** Under the subject of the new image; the paths stay true. @returns how many */
export async function carryOn(
  read: readonly ReadTrace[],
  subject: Descriptor,
  target: ImageTarget,
  signal: AbortSignal,
): Promise<number> {
  for (const { attached, trace } of read)
    await attach(target, traceArtifact(trace, subject, attached.name), signal)
  return read.length
}
