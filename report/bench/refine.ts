/** Applies what an audit found to the input of the next optimization. Pure. */
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import type { BenchAudit } from './file.ts'

/**
 * @param startup what the zone was made from
 * @returns the same without what the audited start did not read, followed by what it fetched on demand, in the
 * order of its requests
 */
export function refineStartup(startup: readonly StartupFile[], audit: BenchAudit): StartupFile[] {
  const unused = new Set(audit.unused.map(([path]) => path))
  const known = new Set(startup.map(({ path }) => path))
  const added = audit.onDemand.filter(({ path }) => !known.has(path))
  return [
    ...startup.filter(({ path }) => !unused.has(path)),
    ...added.map(
      ({ path, size, ranges }): StartupFile => ({ path, size, ranges, afterReady: false, read: true }),
    ),
  ]
}
