/** The warm-up script: read strictly, sent in order, faults told. */

import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { serve } from '../../../scripts/support/serve.ts'
import { parseWorkload, runWorkload, type WorkloadResult } from '../../../tracer/container/workload.ts'

test('a line a request', () => {
  const text = '# warm up\n\nhttp://localhost:1/a\nPOST http://localhost:1/b {"x": 1}\n'
  expect(parseWorkload(text, 'w')).toEqual([
    { method: 'GET', url: 'http://localhost:1/a' },
    { method: 'POST', url: 'http://localhost:1/b', body: '{"x": 1}' },
  ])
})

test.each(['GET', 'FETCH http://x/', 'ftp://x/', '/path'])('refuses %j by its line', (line) => {
  expect(() => parseWorkload(`http://ok/\n${line}`, 'w.txt')).toThrow(/^w\.txt, line 2/)
})

test('requests go to the container, in order; one that fails doesn’t stop the rest', async () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    response.statusCode = request.url === '/b' ? 500 : 200
    response.end('x')
  })
  await using serving = await serve(server)
  const container = {
    address: '127.0.0.1',
    ports: new Map(),
    exited: Promise.resolve(0),
    exec: async () => 0,
    kill: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const base = `http://localhost:${serving.port}`
  const script = `${base}/a\nPOST ${base}/b body\nhttp://localhost:1/refused\nHEAD ${base}/c`
  const results: WorkloadResult[] = []
  await runWorkload(parseWorkload(script, 'w'), container, new AbortController().signal, (one) =>
    results.push(one),
  )
  expect(seen).toEqual(['GET /a', 'POST /b', 'HEAD /c'])
  expect(results.map(({ outcome }) => outcome)).toEqual([200, 500, expect.stringMatching(/./), 200])
})
