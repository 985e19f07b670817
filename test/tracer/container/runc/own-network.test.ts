/** The network of a container that runc runs: nothing of this machine is in it, and we get in. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import { HANG_MS } from '../../../../scripts/support/until.ts'
import { createOwnNetwork } from '../../../../tracer/container/runc/own-network.ts'
import { parseWorkload, runWorkload, type WorkloadResult } from '../../../../tracer/container/workload.ts'
import { type ProfileOptions, profileImage } from '../../../../tracer/profile.ts'
import { busyboxImage } from '../../../support/images.ts'
import { tempFolder } from '../../../support/temp.ts'
import { leftovers } from '../../leftovers.ts'

afterAll(async () => {
  expect(await leftovers()).toEqual([])
})

async function start(command: string, options: Partial<ProfileOptions>) {
  await using temp = await tempFolder()
  await using source = await openSource(await busyboxImage(await temp.sub('image'), { command }))
  const output: Buffer[] = []
  const { trace } = await profileImage({
    image: await source.image(),
    engine: 'runc',
    command: [],
    ready: { by: 'exit' },
    timeoutMs: HANG_MS,
    onOutput: (_stream, chunk) => output.push(chunk),
    tool: 'test',
    ...options,
  })
  return { trace, output: Buffer.concat(output).toString() }
}

/** A service of this machine that is for this machine. */
async function loopbackService() {
  const server = createServer((socket) => socket.end('a secret\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

test.each([
  ['by default', {}, false],
  ['with --network none', { network: 'none' }, false],
  ['with --network host', { network: 'host' }, true],
])('%s: does it reach a service on this machine’s loopback?', async (_, run, reaches) => {
  await using service = await loopbackService()
  const { output } = await start(`nc 127.0.0.1 ${service.port} </dev/null; ls /sys/class/net; true`, { run })
  expect(output.includes('a secret')).toBe(reaches)
  if (!reaches) expect(output).toMatch(/^lo$/m)
})

const serve = 'mkdir /www; echo page > /www/index.html; httpd -f -p 8000 -h /www'

test('it is asked whether it is ready from within, over TCP and HTTP', async () => {
  const tcp = await start(serve, { ready: { by: 'tcp', port: 8000 } })
  expect(tcp.trace.run.ready.by).toBe('tcp')
  const url = 'http://localhost:8000/'
  const http = await start(serve, { ready: { by: 'http', url, status: 200, body: /page/ } })
  expect(http.trace.run.ready.by).toBe('http')
})

test('what else listens on the port here is not taken for it', async () => {
  await using service = await loopbackService()
  const failing = start('sleep 60', { ready: { by: 'tcp', port: service.port }, timeoutMs: 2000 })
  await expect(failing).rejects.toMatchObject({ code: 'E_READY_TIMEOUT' })
})

test('a workload reaches it', async () => {
  const results: WorkloadResult[] = []
  await start(serve, {
    ready: { by: 'tcp', port: 8000 },
    workload: (container, signal) =>
      runWorkload(
        parseWorkload('http://localhost:8000/\nhttp://localhost:8000/none\nhttp://localhost:8001/', 'test'),
        container,
        signal,
        (result) => results.push(result),
      ),
  })
  expect(results.map(({ outcome }) => outcome)).toEqual([
    200,
    404,
    expect.stringMatching(/nothing is listening|ECONNREFUSED/),
  ])
})

test('a port where nobody listens is an error at once', async () => {
  await using network = await createOwnNetwork()
  await expect(network.connect(1)).rejects.toThrow('ECONNREFUSED')
})
