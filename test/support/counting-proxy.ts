/** Stands before a registry, and notes what it is asked. */
import { createServer, request } from 'node:http'
import { serve } from '../../scripts/support/serve.ts'

export interface CountingProxy extends AsyncDisposable {
  readonly host: string
  /** `METHOD /path`, in order; taking them forgets them */
  take(): string[]
}

/** @param behind host and port of a registry without TLS */
export async function startCountingProxy(behind: string): Promise<CountingProxy> {
  let asked: string[] = []
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    const [host, port] = behind.split(':')
    const { method, url, headers } = incoming
    const outgoing = request({ host, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  const serving = await serve(server)
  return {
    host: serving.host,
    take() {
      const taken = asked
      asked = []
      return taken
    },
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}
