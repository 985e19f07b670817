/** The log of a stargz snapshotter that is told to log accesses, as its daemon writes it, as text, and as a journal passes it on. */
import { expect, test } from 'vitest'
import { isAccessLog, parseAccessLog } from '../../../../tracer/trace/exchange/access-log.ts'
import { importTouched } from '../../../../tracer/trace/exchange/import.ts'
import { importing } from './images.ts'

const [ours, other] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]
const json = (path: string, layer: string) =>
  JSON.stringify({ layer, level: 'debug', mode: '0755', msg: `file accessed: ${path}`, size: 5, time: 'T' })

const log = [
  '{"level":"info","msg":"starting","time":"T"}',
  json('/usr/bin/app', ours),
  `time="T" level=debug msg="file accessed: /etc/a \\"b\\"" layer="${ours}" mode=0644 size=5`,
  `Jan 01 00:00:00 node containerd-stargz-grpc[7]: ${json('/lib/é', ours)}`,
  json('/theirs', other),
].join('\n')

test('each line that says so, in its order', () => {
  expect(isAccessLog(log)).toBe(true)
  expect(parseAccessLog(log, 'log')).toEqual([
    { path: 'usr/bin/app', layer: ours },
    { path: 'etc/a "b"', layer: ours },
    { path: 'lib/é', layer: ours },
    { path: 'theirs', layer: other },
  ])
})

test('of a node with several images: what was read of this one’s layers', () => {
  const image = { 'usr/bin/app': 5, 'etc/a "b"': 5, 'lib/é': 5, theirs: 5 }
  const from = (layers: string[]) => importTouched(parseAccessLog(log, 'log'), importing(image, layers))
  expect(from([ours]).trace.files.map(({ path }) => path)).not.toContain('theirs')
  expect(from(['sha256:unknown']).trace.files).toHaveLength(4)
})

test('a line that was cut is named', () => {
  expect(() => parseAccessLog(`${log}\n{"msg":"file accessed: /us`, 'log')).toThrow(
    /^log, line 6 is not a whole line of the snapshotter's log/,
  )
})
