/**
 * Which peers the tests and benches run with: Debian's packages, and the newest releases, built from their Go modules (`newest/`).
 * `HEADSTART_PEERS=debian` leaves out the newest, for machines that can't get Go modules, and says so in the output.
 */
export type PeerSet = 'debian' | 'newest'

const wanted = process.env.HEADSTART_PEERS
if (wanted !== undefined && wanted !== '' && wanted !== 'debian')
  throw new Error(`HEADSTART_PEERS=${wanted}: it can only be set to debian`)

export const peerSets: readonly PeerSet[] = wanted === 'debian' ? ['debian'] : ['debian', 'newest']

if (wanted === 'debian')
  console.warn('HEADSTART_PEERS=debian: nothing is compared with the newest releases of the peers')

/** Building the newest takes minutes, once. */
export const BUILDING_MS = 30 * 60_000
