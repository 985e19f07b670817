/** Which attached traces become one, and what is said of them. */
import { expect, test } from 'vitest'
import { checkTraceOf, mergeAttached, type ReadTrace, usedLines } from '../../../cli/attached/traces.ts'
import { digestOf } from '../../../image/digest.ts'
import { withSource } from '../../../optimizer/rebuild/manifest.ts'
import { attachedTraces, traceArtifact } from '../../../tracer/trace/artifact.ts'
import type { Trace } from '../../../tracer/trace/file.ts'
import { bareImage } from '../../support/images.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'
import { captured } from '../print/capture.ts'

const image = bareImage({ digest: '1'.repeat(64), diffIds: ['2'.repeat(64)] })
const own = [`sha256:${'2'.repeat(64)}`]

function attached(name: string, path: string, diffIds: readonly string[]): ReadTrace {
  const plain = traceOf([traceFile(path)])
  const trace: Trace = { ...plain, image: { ...plain.image, diffIds: [...diffIds] } }
  const [found] = attachedTraces([traceArtifact(trace, image.descriptor, name).referrer])
  return { attached: found ?? expect.fail(), trace }
}

const pathsOf = (trace: Trace) => trace.files.map(({ path }) => path)

test('those of the image are merged; one of another image is left out, and named', () => {
  const { output, warnings } = captured()
  const read = [attached('old', 'x', ['sha256:other']), attached('a', 'app', own), attached('b', 'lib', own)]
  expect(pathsOf(mergeAttached(read, image, output).trace)).toEqual(['app', 'lib'])
  expect(warnings).toEqual([
    expect.stringMatching(
      /^profile old \(sha256:\w+\) is left out: it was recorded from another image, sha256:1$/,
    ),
  ])
})

test('where none is of the image, those of the newest one’s content are taken', () => {
  const { output, warnings } = captured()
  const read = [attached('a', 'app', ['x']), attached('b', 'lib', ['y']), attached('c', 'bin', ['x'])]
  expect(pathsOf(mergeAttached(read, image, output).trace).toSorted()).toEqual(['app', 'bin'])
  expect(warnings).toHaveLength(1)
})

test('each that is used is named, with its age', () => {
  const [line] = usedLines(
    [attached('web', 'app', own)],
    'docker://x/app:1',
    new Date('2026-01-04T12:00:00Z'),
  )
  expect(line).toMatch(
    /^using profile web, recorded 3 days ago, attached to docker:\/\/x\/app:1: sha256:\w+$/,
  )
})

test('a trace of another image is named with both digests', () => {
  const { trace } = attached('a', 'app', ['x'])
  expect(() => checkTraceOf(trace, image)).toThrow(
    `the trace was recorded from another image, app:1 (sha256:1): web:1 is ${image.descriptor.digest}`,
  )
  checkTraceOf(attached('a', 'app', own).trace, image)
  const made = { ...image, rawManifest: withSource({}, image.rawManifest) }
  const ofOriginal = { ...trace, image: { ...trace.image, digest: digestOf(image.rawManifest) } }
  checkTraceOf(ofOriginal, made)
  expect(() => checkTraceOf(trace, made)).toThrow('recorded from another image')
})
