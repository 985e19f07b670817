/** What a container answers when it is asked whether it is ready: nothing of it is believed to have an end. */

import { createServer, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { serve } from '../../../../scripts/support/serve.ts'
import { createOutputLog } from '../../../../tracer/container/readiness/output-log.ts'
import { waitReady } from '../../../../tracer/container/readiness/readiness.ts'
import type { Container } from '../../../../tracer/container/types.ts'

/** @returns what waiting for a body with `hello` says of a container that answers so */
async function readyWith(answer: (response: ServerResponse) => void) {
  await using serving = await serve(createServer((_request, response) => answer(response)))
  const container: Container = {
    address: '127.0.0.1',
    ports: new Map(),
    exited: new Promise(() => {}),
    exec: async () => 1,
    kill: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const check = { by: 'http', url: `http://localhost:${serving.port}/`, body: /hello/ } as const
  const signals = { signal: new AbortController().signal, ended: new AbortController().signal }
  return await waitReady(check, container, createOutputLog(), signals)
}

test('the body is what was looked for', async () => {
  expect(await readyWith((response) => response.end('hello'))).toMatchObject({ by: 'http' })
})

test('a body that has no end is looked at as far as the limit, and not waited for', async () => {
  const ready = await readyWith((response) => {
    response.write('hello')
    response.write(Buffer.alloc(4 << 20, 0x2e))
  })
  expect(ready).toMatchObject({ by: 'http' })
})
