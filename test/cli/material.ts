/** The smallest traces, images and measurements that there are. */
import type { Digest, Image } from '../../image/types.ts'
import type { Bench } from '../../report/bench/file.ts'
import type { Trace, TraceFile } from '../../tracer/trace/file.ts'
import { NO_PROCESS } from '../support/images.ts'

export const traceOf = (files: readonly TraceFile[], digest = 'sha256:image'): Trace => ({
  version: 1,
  tool: 'test',
  image: {
    reference: 'web:1',
    digest,
    platform: 'linux/amd64',
    diffIds: ['sha256:diff'],
    bytes: 0,
    files: 0,
  },
  run: {
    engine: 'runc',
    command: [],
    readaheadKiB: 128,
    startedAt: '2026-01-01T00:00:00.000Z',
    ready: { by: 'log', ms: 1 },
    durationMs: 1,
    runs: 1,
  },
  lookups: { found: 0, missing: 0, listings: 0 },
  files: files.map((file, order) => ({ ...file, order })),
})

const digestOf = (text: string): Digest => `sha256:${text.replace('sha256:', '')}`

export function imageOf(digest: string, diffIds: readonly string[]): Image {
  const descriptor = { mediaType: '', digest: digestOf(digest), size: 0 }
  return {
    reference: 'web:1',
    descriptor,
    manifest: { mediaType: '', config: descriptor, layers: [] },
    rawManifest: Buffer.alloc(0),
    rawConfig: Buffer.alloc(0),
    layers: [],
    config: {
      platform: { os: 'linux', architecture: 'amd64' },
      diffIds: diffIds.map(digestOf),
      history: [],
      process: NO_PROCESS,
    },
  }
}

export const benchOf = (digest: string): Bench => ({
  version: 1,
  tool: 'test',
  startedAt: '2026-01-01T00:00:00.000Z',
  interrupted: false,
  link: { name: 'none', bitsPerSecond: null, roundTripMs: 0 },
  machine: { cpu: '', cores: 1, memoryBytes: 0, system: '', kernel: '' },
  versions: {},
  readiness: '',
  command: '',
  warmups: 0,
  pageCacheDropped: true,
  images: { original: { reference: '', digest, platform: '', layers: [] } },
  arms: [],
  samples: [],
})
