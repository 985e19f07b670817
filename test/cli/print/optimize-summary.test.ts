/** What `optimize` prints at its end. */

import { describe, expect, test } from 'vitest'
import {
  explanation,
  optimizeSummary,
  printRebuilt,
  summaryJson,
} from '../../../cli/print/optimize-summary.ts'
import type { Digest } from '../../../image/types.ts'
import type { Decision, Plan } from '../../../optimizer/plan/plan.ts'
import type { RebuildSummary } from '../../../optimizer/rebuild/image.ts'
import type { LayerSummary } from '../../../optimizer/rebuild/layer-summary.ts'
import type { AttachedTrace } from '../../../tracer/trace/artifact.ts'
import { bareImage } from '../../support/images.ts'
import { traceOf } from '../material.ts'
import { captured } from './capture.ts'

const descriptor = (digest: Digest, size: number) => ({ mediaType: 'x', digest, size })

const layer = (rest: Partial<LayerSummary>): LayerSummary => ({
  source: descriptor('sha256:s', 2000),
  result: descriptor('sha256:r', 1000),
  how: 'converted',
  entries: 3,
  zoneEntries: 1,
  zoneFiles: 1,
  splitFiles: 0,
  zoneBytes: 100,
  existed: false,
  ...rest,
})

const decision = (path: string, placement: Decision['placement'], reason: string): Decision => ({
  path,
  layer: 0,
  placement,
  reason,
  bytes: 5000,
  prefetchMs: 1,
  onDemandMs: 11,
  onDemandBytes: 5000,
  isAwaited: true,
})

const plan: Plan = {
  layers: [],
  decisions: [
    decision('app', 'zone', 'read during the start'),
    decision('log', 'after-zone', 'read after ready'),
    decision('big', 'in-place', 'opened but never read'),
    decision('bigger', 'in-place', 'opened but never read'),
  ],
  missing: Array.from({ length: 7 }, (_, index) => ({ path: `gone/${index}`, reason: 'absent' as const })),
  coverage: 0.5,
  zoneBytes: 100,
}

const attached: AttachedTrace = {
  name: 'web',
  digest: 'sha256:p',
  created: new Date('2026-01-02T03:04:05Z'),
  files: 3,
  readBytes: 100,
  runs: 1,
  referrer: descriptor('sha256:p', 10),
}

const summary: RebuildSummary = {
  manifest: descriptor('sha256:m', 10),
  rawManifest: Buffer.from('{}'),
  layers: [layer({}), layer({ how: 'reused', zoneBytes: 0, zoneFiles: 0, splitFiles: 2 })],
  plan,
  start: { bytes: 1_000_000, fullBytes: 10_000_000, ms: 200, fullMs: 1500 },
  notes: ['layer 1: a note'],
}

describe('the summary', () => {
  test('has a row for each layer, and one for all', () => {
    const [header, first, second, all] = optimizeSummary(summary, 'oci:out')
    expect(header).toMatch(/layer\s+before\s+after\s+zone\s+share\s+files in it/)
    expect(first).toMatch(/1 converted\s+2\.0 kB\s+1\.0 kB\s+100 B\s+10 %\s+1$/)
    expect(second).toMatch(/2 reused\s+2\.0 kB\s+1\.0 kB\s+0 B\s+0\.0 %\s+0 and 2 in part$/)
    expect(all).toMatch(/all\s+4\.0 kB\s+2\.0 kB\s+100 B\s+5\.0 %\s+1 and 2 in part$/)
  })

  test('compares like with like: an engine’s image is unpacked, so the new layers are unpacked, too', () => {
    const unpacked = (size: number) => ({
      ...descriptor('sha256:s', size),
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
    })
    const result = (size: number, of: number) => ({
      ...descriptor('sha256:r', size),
      annotations: { 'io.containers.estargz.uncompressed-size': String(of) },
    })
    const layers = [
      layer({ source: unpacked(9000), result: result(1000, 9500) }),
      layer({ source: unpacked(5000), result: unpacked(5000), how: 'kept' }),
    ]
    const [header, first, second, all] = optimizeSummary({ ...summary, layers }, 'oci:out')
    expect(header).toMatch(/before, unpacked\s+after, unpacked\s+compressed\s+zone/)
    expect(first).toMatch(/1 converted\s+9\.0 kB\s+9\.5 kB\s+1\.0 kB/)
    expect(second).toMatch(/2 kept\s+5\.0 kB\s+5\.0 kB\s+5\.0 kB/)
    expect(all).toMatch(/all\s+14\.0 kB\s+14\.5 kB\s+6\.0 kB/)
  })

  test('says what it means that layers are unchanged', () => {
    const of = (...how: readonly ('unchanged' | 'converted')[]) =>
      optimizeSummary({ ...summary, layers: how.map((each) => layer({ how: each })) }, 'oci:out').join('\n')
    expect(of('unchanged', 'converted')).toContain(
      '1 of 2 layers is as an earlier build made it, and was neither read nor compressed again',
    )
    expect(of('unchanged', 'unchanged', 'converted')).toContain(
      '2 of 3 layers are as an earlier build made them',
    )
    expect(of('converted')).not.toContain('layers')
  })

  test('counts what is prefetched, and what is not by its reasons', () => {
    expect(optimizeSummary(summary, 'oci:out')).toContain(
      '1 of 4 files of the start are prefetched; not prefetched: 1 read after ready; 2 opened but never read (--explain lists them)',
    )
  })

  test('names what is missing, the first five of it, and ends with the digest', () => {
    expect(optimizeSummary(summary, 'oci:out').slice(-2)).toEqual([
      '7 files of the trace are not in the image: gone/0, gone/1, gone/2, gone/3, gone/4 and 2 more',
      'oci:out@sha256:m',
    ])
  })

  test('says why an eStargz layer was reconverted', () => {
    const layers = [layer({ why: 'its small files are packed together' })]
    const lines = optimizeSummary({ ...summary, layers }, 'oci:out')
    expect(lines).toContain('layer 1 was reconverted: its small files are packed together')
  })

  test('as JSON has the digests before and after, and every decision', () => {
    expect(
      JSON.parse(summaryJson(summary, { platform: 'linux/amd64', index: 'sha256:i', profiles: [attached] })),
    ).toMatchObject({
      platform: 'linux/amd64',
      digest: 'sha256:m',
      index: 'sha256:i',
      layers: [
        { how: 'converted', source: 'sha256:s', sourceSize: 2000, digest: 'sha256:r', size: 1000 },
        {},
      ],
      decisions: [{ path: 'app', placement: 'zone' }, {}, {}, {}],
      coverage: 0.5,
      start: summary.start,
      profiles: [{ name: 'web', digest: 'sha256:p', created: '2026-01-02T03:04:05.000Z' }],
    })
  })
})

test('--explain has a line for each file: in the zone, after it or in place, and what either way costs', () => {
  const [header, ...rows] = explanation(plan)
  expect(header).toMatch(/file\s+placement\s+bytes\s+prefetched\s+on demand\s+saved\s+why/)
  expect(rows[0]).toMatch(/^app\s+zone\s+5\.0 kB\s+1 ms\s+11 ms\s+10 ms\s+read during the start$/)
  expect(rows.map((row) => row.split(/\s+/)[1])).toEqual(['zone', 'after-zone', 'in-place', 'in-place'])
})

describe('one of the images', () => {
  const startup = Array.from({ length: 8 }, (_, index) => ({
    path: `${index}`,
    ranges: [],
    size: 0,
    afterReady: false,
    read: true,
  }))
  const origin = { trace: traceOf([]), startup, target: 'oci:out' }
  const print = { json: false, explain: false }

  test('that is not the recorded one is warned about', () => {
    const { output, warnings } = captured()
    printRebuilt(
      { image: bareImage({ digest: 'sha256:other', diffIds: ['sha256:x'] }), summary },
      origin,
      print,
      output,
    )
    expect(warnings).toEqual([
      'the trace is of another image: 1 of its 8 files are in this one, and cover 50 % of the recorded start',
      'layer 1: a note',
    ])
  })

  test('that a profile of another was asked for is no reason to warn', () => {
    const { output, notes, warnings } = captured()
    const other = bareImage({ digest: 'sha256:other', diffIds: ['sha256:x'] })
    printRebuilt(
      { image: other, summary: { ...summary, notes: [] } },
      { ...origin, borrowed: [{}] },
      print,
      output,
    )
    expect(notes).toEqual([
      '1 of the 8 files in the profile are in this image: it covers 50 % of the recorded start',
    ])
    expect(warnings).toEqual([])
  })

  test('that is not the recorded one but has all of its files is noted', () => {
    const { output, notes, warnings } = captured()
    const whole = { ...summary, plan: { ...plan, missing: [] }, notes: [] }
    printRebuilt(
      { image: bareImage({ digest: 'sha256:other', diffIds: ['sha256:x'] }), summary: whole },
      origin,
      print,
      output,
    )
    expect(warnings).toEqual([])
    expect(notes).toEqual(['the trace is of another image: this one has all 8 of its files'])
  })

  test('of an index is named by its platform', () => {
    const { output, notes, warnings, results } = captured()
    const rebuilt = { image: bareImage({ digest: 'sha256:image' }), summary, platform: 'linux/arm64' }
    printRebuilt(rebuilt, origin, { json: true, explain: true }, output)
    expect(notes).toEqual(['linux/arm64: it has 1 of the 8 files in the trace'])
    expect(warnings).toEqual(['linux/arm64: layer 1: a note'])
    expect(results).toEqual([summaryJson(summary, { platform: 'linux/arm64' })])
  })
})
