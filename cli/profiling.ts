/** Records one start and shows it happening: shared by `profile`, and by `optimize` without a trace. */
import type { Image } from '../image/types.ts'
import { sweepers } from '../report/bench/runtime/sweepers.ts'
import { runWorkload, type WorkloadResult } from '../tracer/container/workload.ts'
import { type Profile, profileImage } from '../tracer/profile.ts'
import type { CliContext } from './context.ts'
import type { RecordOrder } from './flags/profile.ts'
import { readyCheck } from './flags/ready.ts'
import { bytes, type Output, thousands } from './print/output.ts'
import { drawUnpacking } from './print/transfers.ts'

export interface Recorded extends RecordOrder {
  readonly image: Image
  /** what was recorded until Ctrl-C is worth having; without, only `--until-interrupt` keeps it */
  readonly keepPart?: boolean
}

export async function profile(
  { image, options, ready, requests, keepPart = false }: Recorded,
  context: CliContext,
  output: Output,
): Promise<Profile> {
  const { abort, finish } = context.interrupts
  const { untilInterrupt } = ready
  const note = ({ url, outcome }: WorkloadResult) => output.note(`${outcome}  ${url}`)
  const result = await profileImage({
    ...options,
    image,
    sweepers,
    tool: `headstart ${context.version}`,
    ready: readyCheck(ready, image.config.process.healthcheck),
    ...(requests && { workload: (container, signal) => runWorkload(requests, container, signal, note) }),
    onOutput: (_stream, chunk) => output.passThrough(chunk),
    onProgress: ({ files, bytes: read, seconds }) =>
      output.live(() => `recording: ${thousands(files)} files, ${bytes(read)}, ${seconds.toFixed(1)} s`),
    onUnpack: drawUnpacking(output),
    onWarning: (text) => output.warn(text),
    onNote: (text) => output.note(text),
    onPhase: (phase) => {
      if (phase === 'preparing') output.note('preparing the recording mount')
      if (phase === 'running' && untilInterrupt) output.note('press Ctrl-C to end the recording')
    },
    ...((keepPart || untilInterrupt) && { finish }),
    abort,
  })
  output.done()
  return result
}
