/** A registry that stops talking, at each point where it can: the request ends, and says why. */

import { createServer, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { RegistryClient } from '../../../image/registry/client.ts'
import { serve } from '../../../scripts/support/serve.ts'

test.concurrent.each<[string, (response: ServerResponse, host: string) => void, RegExp]>([
  ['before the answer', () => {}, /can't be reached: it did not answer in time$/],
  [
    'after the headers',
    (response) => response.flushHeaders(),
    /can't be reached: it fell silent in the middle of an answer$/,
  ],
  [
    'inside the body',
    (response) => response.write('half'),
    /can't be reached: it fell silent in the middle of an answer$/,
  ],
  [
    'inside an error',
    (response) => response.writeHead(418).write('half'),
    /answered 418 to GET \/v2\/app\/x$/,
  ],
  [
    'before a token',
    (response, host) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` }).end(),
    /returned no token: Headers Timeout Error$/,
  ],
])('silence %s', async (_, answer, why) => {
  const server = createServer(({ url, headers }, response) => {
    if (url === '/v2/') response.end('{}')
    else if (url !== '/token') answer(response, headers.host ?? '')
  })
  await using serving = await serve(server)
  await using client = await RegistryClient.connect(serving.host, 'app', { silenceMs: 2000 })
  const request = { method: 'GET', url: '/v2/app/x', scopes: [], expected: [200], attempts: 1 } as const
  await expect(client.document(request, 1000)).rejects.toThrow(why)
})
