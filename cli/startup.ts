/** From a trace to what the optimizer wants to know of a start. Pure. */
import type { Image } from '../image/types.ts'
import type { StartupFile } from '../optimizer/plan/startup.ts'
import type { Trace } from '../tracer/trace/file.ts'

/** @param minRuns leaves out what fewer of the trace's runs touched */
export const startupOf = (trace: Trace, minRuns = 1): StartupFile[] =>
  trace.files
    .filter(({ seen = trace.run.runs }) => seen >= minRuns)
    .map((file) => ({
      path: file.path,
      ranges: isGuess(file, trace) ? [] : file.ranges,
      size: file.size,
      afterReady: file.afterReady,
      // A symlink or a device has no bytes to read, but the start needs it.
      read: file.type !== 'reg' || file.ranges.length > 0,
      ...(file.digest !== undefined && { digest: file.digest }),
    }))

/** A list of paths, taken for a trace, has every file whole: what was read of it is not known. */
const isGuess = ({ ranges, size }: Trace['files'][number], { run }: Trace): boolean =>
  run.engine === 'record' && ranges.length === 1 && ranges[0]?.[0] === 0 && ranges[0][1] === size

/** What an image starts, unless it is told otherwise. */
export const programOf = ({ config: { process } }: Image): string[] => [...process.entrypoint, ...process.cmd]
