/** A port of the loopback answers us, and nobody else of the machine. */
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { serveOnlyUs } from '../../../system/process/peer.ts'

const NOBODY = { uid: 65534, gid: 65534 }

/** What a program of that user gets, by an address of either family. */
async function ask(port: number, address: string, user: { uid?: number; gid?: number }): Promise<string> {
  const script = `import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
    print(s.makefile('rb').read().decode().split('\\r\\n')[-1])
except ConnectionError:
    print('')`
  const { stdout } = await promisify(execFile)('python3', ['-c', script, address, String(port)], user)
  return stdout.trim()
}

async function served() {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.end('hello')
  })
  serveOnlyUs(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port')
  return { port: bound.port, asked: () => asked, [Symbol.asyncDispose]: async () => void server.close() }
}

test.each(['127.0.0.1', '::ffff:127.0.0.1'])('by way of %s', async (address) => {
  await using server = await served()
  expect(await ask(server.port, address, {})).toBe('hello')
  expect(await ask(server.port, address, NOBODY)).toBe('')
})

test('who has hung up already is not taken for root', async () => {
  await using server = await served()
  const script = `import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
s.close()`
  // Not awaited: the server hears of it when it is over.
  execFileSync('python3', ['-c', script, String(server.port)], NOBODY)
  expect(await ask(server.port, '127.0.0.1', {})).toBe('hello')
  expect(server.asked()).toBe(1)
})
