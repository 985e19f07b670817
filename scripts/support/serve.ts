/** Servers of tests, on a port of the loopback that is free. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import type { Server } from 'node:net'

export interface Serving extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly host: string
}

/** Disposing closes the server and all of its connections. */
export async function serve(server: Server): Promise<Serving> {
  server.listen(0, '127.0.0.1')
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

/** Free now, but not reserved: another process may take it first. */
export async function freePort(): Promise<number> {
  await using serving = await serve(new HttpServer())
  return serving.port
}

/** Ends a server as a power cut does, unless it has ended. */
export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
