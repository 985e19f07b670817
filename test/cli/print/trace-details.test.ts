/** A trace, and the difference of two, as tables. */
import { expect, test } from 'vitest'
import { traceDetails, traceDifferences } from '../../../cli/print/trace-details.ts'
import { diffTraces } from '../../../tracer/trace/diff.ts'
import { summarizeTrace } from '../../../tracer/trace/summary.ts'
import { traceOf } from '../material.ts'

const file = (path: string, bytes: number, size = bytes) => ({
  path,
  type: 'reg' as const,
  size,
  order: 0,
  firstOpenMs: 0,
  opens: 1,
  ranges: bytes > 0 ? [[0, bytes] as [number, number]] : [],
  afterReady: false,
})

test('a trace: its image, layers counted from 1, folders, and large files read only in part', () => {
  const trace = traceOf([file('usr/lib/big.so', 1000, 1 << 20), file('app', 500)])
  const lines = traceDetails(
    trace,
    summarizeTrace(trace, (path) => (path === 'app' ? 1 : 0)),
  )
  expect(lines[0]).toBe('web:1 (linux/amd64), runc: app')
  const text = lines.join('\n')
  expect(text).toMatch(/read from layer\s+files\s+bytes\n1\s+1\s+1\.0 kB\n2\s+1\s+500 B/)
  expect(text).toMatch(/read from folder\s+files\s+bytes\n/)
  expect(text).toMatch(/large and read only in part\s+read\s+of\nusr\/lib\/big\.so\s+1\.0 kB\s+1\.0 MB/)
  expect(text).not.toContain('package never touched')
})

test('packages that were never touched are listed', () => {
  const recorded = traceOf([file('app', 500)])
  const packages = [{ name: 'git', manager: 'dpkg' as const, files: 1200, bytes: 5000 }]
  const trace = { ...recorded, unused: { packages, folders: [] } }
  expect(traceDetails(trace, summarizeTrace(trace)).join('\n')).toMatch(
    /package never touched\s+files\s+bytes\ngit \(dpkg\)\s+1,200\s+5\.0 kB/,
  )
})

test('a difference: what is new, gone, larger and smaller; nothing of what is not', () => {
  const before = traceOf([file('same', 10), file('gone', 20), file('grown', 10)])
  const after = traceOf([file('same', 10), file('new', 30), file('grown', 40)])
  const lines = traceDifferences(diffTraces(before, after))
  expect(lines.slice(0, 2)).toEqual([
    'read 40 B before, 80 B after (200 %); ready after 100 ms, then 100 ms',
    '1 file unchanged',
  ])
  const text = lines.join('\n')
  expect(text).toMatch(/new: 1\s+before\s+after\nnew\s+0 B\s+30 B/)
  expect(text).toMatch(/gone: 1\s+before\s+after\ngone\s+20 B\s+0 B/)
  expect(text).toMatch(/larger: 1\s+before\s+after\ngrown\s+10 B\s+40 B/)
  expect(text).not.toContain('smaller')
})
