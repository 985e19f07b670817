/** The measurement file: what is wrong with one is named. */
import { expect, test } from 'vitest'
import { parseBench } from '../../../report/bench/file.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'

test('a measurement file that is wrong says where', () => {
  expect(() => parseBench('{', 'bench.json')).toThrow(/bench.json is not JSON/)
  expect(() => parseBench('{"version":9}', 'bench.json')).toThrow(/not a measurement of version 1: version/)
})

test('a file whose samples name no arm is refused', () => {
  const { bench } = makeMaterial({ files: 10 })
  const read = (changes: object) => () => parseBench(JSON.stringify({ ...bench, ...changes }), 'b.json')
  expect(parseBench(JSON.stringify(bench), 'b.json')).toEqual(bench)
  expect(read({ samples: [{ ...bench.samples[0], arm: 'ghost' }] })).toThrow(/an unknown arm "ghost"/)
  expect(read({ images: {} })).toThrow(/"legacy" has no image/)
  expect(read({ arms: [...bench.arms, ...bench.arms] })).toThrow(/two arms/)
  expect(read({ link: { ...bench.link, roundTripMs: -1 } })).toThrow(/link.roundTripMs/)
})
