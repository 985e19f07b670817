/** Builds the newest peers before the tests start, so that no two of them do so at once. Takes minutes the first time. */
import { buildNewest, newestModules } from './newest.ts'
import { peerSets } from './peers.ts'

if (peerSets.includes('newest')) for (const each of newestModules) await buildNewest(each)
