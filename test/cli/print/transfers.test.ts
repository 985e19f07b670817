/** What is in progress: one live line, and a line for each finished blob. */
import { expect, test } from 'vitest'
import { drawLayers, drawPull, drawTransfers, drawUnpacking } from '../../../cli/print/transfers.ts'
import { captured } from './capture.ts'

const mediaType = 'x'
const digest = `sha256:${'0123456789ab'.padEnd(64, 'c')}` as const

test('a blob has a bar while it is sent, and a line once it is there', () => {
  const { output, live, notes } = captured()
  const draw = drawTransfers(output, 'written')
  draw({ kind: 'bytes', digest, mediaType, done: 500, total: 1000 })
  draw({ kind: 'done', digest, mediaType, done: 1000, total: 1000 })
  draw({ kind: 'existed', digest, mediaType, done: 0, total: 1000 })
  expect(live).toEqual(['012345 [=====     ] 50 % of 1.0 kB'])
  expect(notes).toEqual(['0123456789ab  1.0 kB  written', '0123456789ab  1.0 kB  already there'])
})

test('layers in progress share a line, and leave it when they are done', () => {
  const { output, live } = captured()
  const draw = drawLayers(output)
  draw({ layer: 0, layers: 3, stage: 'read', bytes: 2000 })
  draw({ layer: 1, layers: 3, stage: 'send', bytes: 10 })
  draw({ layer: 0, layers: 3, stage: 'done', bytes: 2000 })
  draw({ layer: 1, layers: 3, stage: 'done', bytes: 20 })
  expect(live).toEqual([
    'layer 1/3 read 2.0 kB',
    'layer 1/3 read 2.0 kB   layer 2/3 send 10 B',
    'layer 2/3 send 10 B',
  ])
})

test('a root that is unpacked: which layer, and how much of all', () => {
  const { output, live } = captured()
  const draw = drawUnpacking(output)
  draw({ layer: 0, layers: 2, done: 500, total: 2000 })
  draw({ layer: 1, layers: 2, done: 2000, total: 2000 })
  expect(live).toEqual([
    'unpacking layer 1 of 2: 500 B of 2.0 kB (25 %)',
    'unpacking layer 2 of 2: 2.0 kB of 2.0 kB (100 %)',
  ])
})

test('an image that the engine pulls: how much of all', () => {
  const { output, live } = captured()
  drawPull(output)({ done: 500, total: 2000 })
  drawPull(output)({ done: 0, total: 0 })
  expect(live).toEqual(['pulling: 500 B of 2.0 kB (25 %)', 'pulling: 0 B of 0 B (0.0 %)'])
})
