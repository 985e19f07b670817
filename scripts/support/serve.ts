/** Servers of tests, on a port of the loopback that is free. */
import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'
import { codeOf } from '../../system/errors.ts'

export interface Serving extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly host: string
}

/**
 * Disposing closes the server and all of its connections.
 * @param port one that is free, by default
 */
export async function serve(server: Server, port = 0): Promise<Serving> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    host: `127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      if (server instanceof HttpServer) server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The kernel gives none of these to whoever connects, or listens on any port: see /proc/sys/net/ipv4/ip_local_port_range. */
const FIRST_PORT = 10_000
const END_PORT = 32_000

/** Workers that run tests at the same time draw from numbers of their own: what one has drawn, and not taken yet, no other takes. */
const LANES = 8
const lane = Number(process.env.VITEST_POOL_ID ?? 0) % LANES
const drawn = new Set<number>()

/** Free now, and not reserved. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LANES * randomInt(FIRST_PORT / LANES, END_PORT / LANES) + lane
    if (drawn.has(port)) continue
    drawn.add(port)
    try {
      await using serving = await serve(new HttpServer(), port)
      return serving.port
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
    }
  }
}

/** Ends a process as a power cut does, unless it has ended. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
