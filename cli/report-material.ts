/** Which trace and which measurement belong together: those of one image. Pure. */
import { HeadstartError } from '../image/errors.ts'
import type { Bench } from '../report/bench/file.ts'
import type { Trace } from '../tracer/trace.ts'

export type Given =
  | { readonly file: string; readonly trace: Trace }
  | { readonly file: string; readonly bench: Bench }

export interface ImageMaterial {
  readonly trace?: Trace
  readonly bench?: Bench
}

/**
 * One trace and one measurement are a pair whatever they are of; of more, those with one digest are.
 * @throws HeadstartError E_USAGE: two traces of one image
 */
export function pairByImage(given: readonly Given[]): ImageMaterial[] {
  const traces = given.flatMap((one) => ('trace' in one ? [one] : []))
  const benches = given.flatMap((one) => ('bench' in one ? [one] : []))
  const [trace, bench] = [traces[0]?.trace, benches[0]?.bench]
  if (traces.length <= 1 && benches.length <= 1) return [{ ...(trace && { trace }), ...(bench && { bench }) }]
  refuseTwins(traces)
  const taken = new Set<Trace>()
  const pairs = benches.map(({ bench: one }): ImageMaterial => {
    const match = traces.find(
      (each) => !taken.has(each.trace) && digestsOf(one).includes(each.trace.image.digest),
    )
    if (match) taken.add(match.trace)
    return { bench: one, ...(match && { trace: match.trace }) }
  })
  const alone = traces.filter((each) => !taken.has(each.trace)).map((each) => ({ trace: each.trace }))
  return [...pairs, ...alone]
}

const digestsOf = ({ images }: Bench): string[] => Object.values(images).map(({ digest }) => digest)

function refuseTwins(traces: readonly { file: string; trace: Trace }[]): void {
  const seen = new Map<string, string>()
  for (const { file, trace } of traces) {
    const other = seen.get(trace.image.digest)
    if (other !== undefined)
      throw new HeadstartError('E_USAGE', `${other} and ${file} are traces of one image`, {
        hint: 'Join them with: headstart trace merge',
      })
    seen.set(trace.image.digest, file)
  }
}
