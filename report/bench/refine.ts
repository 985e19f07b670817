/** What an audit found, as the input of the next optimization. Pure. */
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import type { BenchAudit } from './file.ts'

/**
 * @param startup what the zone was made of
 * @returns the same without what the audited start did not read, and with what it fetched on demand behind it, in the
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
