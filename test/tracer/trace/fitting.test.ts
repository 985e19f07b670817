/** Traces go with images of the same content; of traces of several contents, only those of one are used. */
import { expect, test } from 'vitest'
import { fittingTraces, isTraceOf } from '../../../tracer/trace/fitting.ts'
import { bareImage } from '../../support/images.ts'
import { traceOf } from './traces.ts'

test('a trace is of an image with its digest, or with its content packed another way', () => {
  const plain = traceOf([])
  const trace = { ...plain, image: { ...plain.image, diffIds: ['sha256:layer'] } }
  expect(isTraceOf(trace, bareImage({ digest: trace.image.digest, diffIds: ['sha256:other'] }))).toBe(true)
  expect(isTraceOf(trace, bareImage({ digest: 'sha256:other', diffIds: trace.image.diffIds }))).toBe(true)
  expect(isTraceOf(trace, bareImage({ digest: 'sha256:other', diffIds: ['sha256:other'] }))).toBe(false)
})

test('of traces of several contents, those of the image fit, and without any those of the newest', () => {
  const of = (digest: string) => {
    const trace = traceOf([])
    return { trace: { ...trace, image: { ...trace.image, digest, diffIds: [digest] } } }
  }
  const [newest, older, ours] = [of('sha256:a'), of('sha256:b'), of('sha256:c')]
  const image = (diffId: string) => bareImage({ digest: 'sha256:other', diffIds: [diffId] })
  const read = [newest, older, ours]
  expect(fittingTraces(read, image('sha256:c'))).toEqual({ fitting: [ours], others: [newest, older] })
  expect(fittingTraces(read, image('sha256:d'))).toEqual({ fitting: [newest], others: [older, ours] })
  expect(fittingTraces([], image('sha256:d'))).toEqual({ fitting: [], others: [] })
})
