/** A request as the link records it. */
import type { LinkRequest } from '../../../../report/bench/link/messages.ts'

export const request = (
  startedAt: number,
  endedAt: number | undefined,
  more: Partial<LinkRequest> = {},
): LinkRequest => ({
  method: 'GET',
  path: '/v2/x/blobs/sha256:00',
  range: undefined,
  status: 206,
  bytes: 100,
  startedAt,
  endedAt,
  connected: false,
  arrivals: [[endedAt ?? startedAt, 100]],
  ...more,
})
