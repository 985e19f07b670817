/** Pairs traces with measurements of the same image. Pure. */

import type { Bench } from '../report/bench/file.ts'
import { HeadstartError } from '../system/errors.ts'
import type { Trace } from '../tracer/trace/file.ts'

export type ReportFile =
  | { readonly file: string; readonly trace: Trace }
  | { readonly file: string; readonly bench: Bench }

export interface ImageMaterial {
  readonly trace?: Trace | undefined
  readonly bench?: Bench
  /** the same, measured on other links */
  readonly elsewhere?: readonly Bench[]
}

/**
 * One trace and one measurement are a pair whatever their images are; of more, those of the same digest are, or of the same layers: an engine's
 * image has another digest than the registry's. Measurements of the same arms
 * on different links belong together: the first is shown, and all are used for the prediction.
 * @throws HeadstartError E_USAGE: two traces of one image
 */
export function pairByImage(given: readonly ReportFile[]): ImageMaterial[] {
  const traces = given.flatMap((one) => ('trace' in one ? [one] : []))
  const benches = joinLinks(given.flatMap((one) => ('bench' in one ? [one.bench] : [])))
  const trace = traces[0]?.trace
  if (traces.length <= 1 && benches.length <= 1) return [{ ...(trace && { trace }), ...benches[0] }]
  refuseTwins(traces)
  const taken = new Set<Trace>()
  const matched = new Map<OnLinks, Trace>()
  // Two images may have the same layers and other configs: the same digest comes first.
  for (const isOf of [hasDigestOf, hasLayersOf])
    for (const one of benches) {
      const match = traces.find(({ trace }) => !taken.has(trace) && isOf(one.bench, trace))
      if (!match || matched.has(one)) continue
      taken.add(match.trace)
      matched.set(one, match.trace)
    }
  const pairs = benches.map((one): ImageMaterial => ({ ...one, trace: matched.get(one) }))
  const alone = traces.filter((each) => !taken.has(each.trace)).map((each) => ({ trace: each.trace }))
  return [...pairs, ...alone]
}

/** What must be equal for two measurements to differ only by their link. */
function subjectOf({ arms, images }: Bench): string {
  const arm = arms.find(({ kind }) => kind === 'optimized') ?? arms.at(-1)
  return JSON.stringify([arm?.kind, arm?.runtime, arm && images[arm.image]?.digest])
}

const linkOf = ({ link }: Bench): string => `${link.bitsPerSecond} ${link.roundTripMs}`

type OnLinks = ImageMaterial & { readonly bench: Bench }

function joinLinks(benches: readonly Bench[]): OnLinks[] {
  const joined: { bench: Bench; elsewhere: Bench[] }[] = []
  for (const bench of benches) {
    const same = joined.find(
      (one) =>
        subjectOf(one.bench) === subjectOf(bench) &&
        ![one.bench, ...one.elsewhere].some((each) => linkOf(each) === linkOf(bench)),
    )
    if (same) same.elsewhere.push(bench)
    else joined.push({ bench, elsewhere: [] })
  }
  return joined.map(({ bench, elsewhere }) => ({ bench, ...(elsewhere.length > 0 && { elsewhere }) }))
}

const hasDigestOf = ({ images }: Bench, { image }: Trace): boolean =>
  Object.values(images).some(({ digest }) => digest === image.digest)

const hasLayersOf = ({ images }: Bench, { image }: Trace): boolean =>
  image.diffIds.length > 0 &&
  Object.values(images).some(({ diffIds }) => diffIds?.join() === image.diffIds.join())

function refuseTwins(traces: readonly { file: string; trace: Trace }[]): void {
  const seen = new Map<string, string>()
  for (const { file, trace } of traces) {
    const other = seen.get(trace.image.digest)
    if (other !== undefined)
      throw new HeadstartError('E_USAGE', `${other} and ${file} are traces of the same image`, {
        hint: 'Merge them with: headstart trace merge',
      })
    seen.set(trace.image.digest, file)
  }
}
