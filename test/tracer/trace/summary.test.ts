/** What a trace says in numbers. */
import { expect, test } from 'vitest'
import { summarizeTrace } from '../../../tracer/trace/summary.ts'
import { traceFile, traceOf } from './traces.ts'

test('summary: the share read, by folder and layer, and large files read in small part', () => {
  const summary = summarizeTrace(
    traceOf([
      traceFile('usr/lib/big.so', { size: 1 << 20, ranges: [[0, 200]] }),
      traceFile('usr/bin/app'),
      traceFile('init'),
      traceFile('etc/late', { afterReady: true }),
      traceFile('etc/opened', { ranges: [] }),
      traceFile('lib', { type: 'symlink', ranges: [] }),
    ]),
    (path) => (path.startsWith('usr/') ? 1 : 0),
  )
  expect(summary.read).toEqual({ files: 3, bytes: 400, share: 0.4 })
  expect(summary).toMatchObject({ touchedOnly: 1, afterReady: 1, symlinks: 1 })
  expect(summary.folders).toEqual([
    { name: 'usr', files: 2, bytes: 300 },
    { name: '/', files: 1, bytes: 100 },
  ])
  expect(summary.layers).toEqual([
    { name: '0', files: 1, bytes: 100 },
    { name: '1', files: 2, bytes: 300 },
  ])
  expect(summary.partly).toEqual([{ path: 'usr/lib/big.so', size: 1 << 20, bytes: 200 }])
})
