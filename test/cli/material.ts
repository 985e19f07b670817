/** The smallest traces and measurements that there are. */
import type { Bench } from '../../report/bench/file.ts'
import type { Trace, TraceFile } from '../../tracer/trace/file.ts'
import { traceOf as traceOfFiles } from '../tracer/trace/traces.ts'

export const traceOf = (files: readonly TraceFile[], digest = 'sha256:image'): Trace => {
  const trace = traceOfFiles(files)
  return { ...trace, image: { ...trace.image, reference: 'web:1', digest, diffIds: ['sha256:diff'] } }
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
