/** Traces for tests, with only what a test is about. */
import { TRACE_VERSION, type Trace, type TraceFile } from '../../../tracer/trace/file.ts'

export const traceFile = (path: string, rest: Partial<TraceFile> = {}): TraceFile => ({
  path,
  type: 'reg',
  size: 100,
  order: 0,
  firstOpenMs: 1,
  opens: 1,
  ranges: [[0, 100]],
  afterReady: false,
  ...rest,
})

export const traceOf = (files: readonly TraceFile[], rest: Partial<Trace> = {}): Trace => ({
  version: TRACE_VERSION,
  tool: 'test',
  image: {
    reference: 'app:1',
    digest: 'sha256:1',
    platform: 'linux/amd64',
    diffIds: ['a', 'b'],
    bytes: 1000,
    files: 10,
  },
  run: {
    engine: 'runc',
    command: ['app'],
    readaheadKiB: 128,
    startedAt: '2026-01-01T00:00:00.000Z',
    ready: { by: 'log', ms: 100 },
    durationMs: 120,
    runs: 1,
  },
  lookups: { found: 1, missing: 2, listings: 3 },
  files: files.map((file, order) => ({ ...file, order })),
  ...rest,
})
