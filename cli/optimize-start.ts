/** What `optimize` knows of the image's start: traces that were given, attached ones, or one recorded now; corrected by a measurement. */
import type { Image, ImageSource } from '../image/types.ts'
import type { StartupFile } from '../optimizer/plan/startup.ts'
import { refineStartup } from '../report/bench/refine.ts'
import { codeOf, HeadstartError, messageOf } from '../system/errors.ts'
import { withoutSecrets } from '../system/text/secrets.ts'
import type { AttachedTrace } from '../tracer/trace/artifact.ts'
import type { Trace } from '../tracer/trace/file.ts'
import { mergeTraces } from '../tracer/trace/merge.ts'
import { noProfile } from './attached/commands.ts'
import {
  type Attached,
  mergeAttached,
  type ReadTrace,
  readTraces,
  tracesOf,
  usedLines,
} from './attached/traces.ts'
import type { CliContext } from './context.ts'
import { attachedSource, type ImageFlags } from './flags/image.ts'
import type { AttachedChoice, StartOrigin, StartRequest } from './flags/optimize.ts'
import type { RecordOrder } from './flags/profile.ts'
import { type Output, thousands } from './print/output.ts'
import { traceSummary } from './print/trace-summary.ts'
import { profile } from './profiling.ts'
import { type GivenTrace, traceOf } from './read-trace.ts'
import { programOf, startupOf } from './startup.ts'

export interface Start {
  /** undefined: none was given, and none was worth recording */
  readonly trace: Trace | undefined
  readonly startup: readonly StartupFile[]
  /** those that were attached and are used */
  readonly profiles: readonly AttachedTrace[]
  /** all that is attached to the image; undefined: nobody has asked */
  readonly attached?: Attached
  /** those that were attached to another image and are used for this one */
  readonly borrowed: readonly ReadTrace[]
}

/** What is optimized. */
export interface Subject {
  readonly source: ImageSource
  readonly image: Image
  /** how an image beside it is reached */
  readonly access: ImageFlags
}

export async function startOf(
  subject: Subject,
  { from, minRuns, audit }: StartRequest,
  context: CliContext,
  output: Output,
): Promise<Start> {
  if (from === undefined) return { trace: undefined, startup: [], profiles: [], borrowed: [] }
  const { trace, profiles = [], borrowed = [], ...found } = await traceFor(subject, from, context, output)
  const startup = startupOf(trace, minRuns)
  return { trace, startup: audit ? refineStartup(startup, audit) : startup, profiles, borrowed, ...found }
}

interface Found {
  readonly trace: Trace
  readonly profiles?: readonly AttachedTrace[]
  readonly attached?: Attached
  readonly borrowed?: readonly ReadTrace[]
}

async function traceFor(
  subject: Subject,
  from: NonNullable<StartOrigin>,
  context: CliContext,
  output: Output,
): Promise<Found> {
  if ('traces' in from) return { trace: await join(from.traces, subject.image, context, output) }
  if ('record' in from) return { trace: await record(subject.image, from.record, context, output) }
  const { to, otherwise } = from.attached
  if (to.length > 0) return borrow(subject, from.attached, context, output)
  const attached = await attachedTo(subject, from.attached, context, output)
  if (attached && attached.read.length > 0)
    return { ...mergeAttached(attached.read, subject.image, output), attached }
  if (!otherwise) throw noProfile(`${subject.source.name}@${subject.image.descriptor.digest}`)
  const trace = await record(subject.image, otherwise, context, output)
  return { trace, ...(attached && { attached }) }
}

async function record(image: Image, order: RecordOrder, context: CliContext, output: Output): Promise<Trace> {
  const { trace } = await profile({ image, ...order }, context, output)
  output.note(traceSummary(trace))
  return trace
}

/** @returns what is attached to the image itself; undefined: it can't be told, which is no reason not to record */
async function attachedTo(
  { source, image }: Subject,
  { names, otherwise }: AttachedChoice,
  context: CliContext,
  output: Output,
): Promise<Attached | undefined> {
  const signal = context.interrupts.abort
  const found = await tracesOf(source, image, signal).catch((error: unknown) => {
    if (!(error instanceof HeadstartError) || !otherwise) throw error
    output.note(`what is attached to the image can't be listed: ${messageOf(error)}`)
    return undefined
  })
  if (!found || found.length === 0) return found && { found, read: [] }
  const read = await readTraces(source, image, { found, names, signal })
  output.note([...usedLines(read, source.name, new Date()), '--record records the start instead'])
  return { found, read }
}

/** What is attached to the first of several images that has it: files are found by path. @throws HeadstartError E_NO_PROFILE: none has */
async function borrow(
  subject: Subject,
  { to, ...choice }: AttachedChoice,
  context: CliContext,
  output: Output,
): Promise<Found> {
  let fault: unknown
  for (const from of to) {
    if (fault !== undefined) output.note(messageOf(fault))
    try {
      return await borrowFrom(subject, from, choice, { context, output })
    } catch (error) {
      if (codeOf(error) !== 'E_NO_PROFILE') throw error
      fault = error
    }
  }
  throw fault
}

async function borrowFrom(
  { image, access }: Subject,
  from: string,
  { names, mustStartAlike }: Omit<AttachedChoice, 'to'>,
  { context, output }: { readonly context: CliContext; readonly output: Output },
): Promise<Found> {
  const signal = context.interrupts.abort
  await using source = await attachedSource(from, access, context, output)
  const earlier = await source.image(access.platform).catch(asNoProfile)
  const found = await tracesOf(source, earlier, signal)
  if (found.length === 0) throw noProfile(`${source.name}@${earlier.descriptor.digest}`)
  const read = await readTraces(source, earlier, { found, names, signal })
  const other = otherProgram(source.name, earlier, image)
  if (other && mustStartAlike) throw other
  if (other) output.warn(other.message)
  output.note(usedLines(read, source.name, new Date()))
  return { ...mergeAttached(read, image, output), borrowed: read }
}

/** The build before may have failed, or there was none: that is as if it had no profile. */
function asNoProfile(error: unknown): never {
  if (codeOf(error) !== 'E_IMAGE_NOT_FOUND') throw error
  throw new HeadstartError('E_NO_PROFILE', `${messageOf(error)}, and so no profile of it`, {
    hint: 'Name another build with a further --profile-from, or record the start: headstart profile --push',
    cause: error,
  })
}

/** All files of a profile may be there, and still be none of those that another program reads. */
function otherProgram(name: string, earlier: Image, image: Image): HeadstartError | undefined {
  if (JSON.stringify(programOf(earlier)) === JSON.stringify(programOf(image))) return undefined
  const [before, now] = [earlier, image].map((each) => JSON.stringify(withoutSecrets(programOf(each))))
  return new HeadstartError(
    'E_COVERAGE',
    `the profile is of another program: ${name} starts ${before}, this image ${now}`,
    { hint: 'Record the start again, with this image: headstart profile' },
  )
}

/** Several starts become one: what any touched, in the most common order. */
async function join(
  given: readonly GivenTrace[],
  image: Image,
  context: CliContext,
  output: Output,
): Promise<Trace> {
  const tool = `headstart ${context.version}`
  const traces: Trace[] = []
  for (const one of given) {
    const { trace, missing } = await traceOf(one, image, tool, context.interrupts.abort)
    if (missing.length > 0)
      output.warn(`${thousands(missing.length)} files of the record are not in the image`)
    traces.push(trace)
  }
  return mergeTraces(traces)
}
