/** Stands before a registry, and notes what it is asked. */
import { createServer, request } from 'node:http'
import { serve } from '../../scripts/support/serve.ts'

export interface CountingProxy extends AsyncDisposable {
  readonly host: string
  /** `METHOD /path`, in order; taking them forgets them */
  take(): string[]
  /** `METHOD /path STATUS` of all that it has answered, in order */
  answered(): readonly string[]
  /** Answers nothing that matches until the result is disposed. */
  hold(pattern: RegExp): Disposable
}

/** @param behind host and port of a registry without TLS */
export async function startCountingProxy(behind: string): Promise<CountingProxy> {
  let asked: string[] = []
  const answered: string[] = []
  let held: { readonly pattern: RegExp; readonly released: Promise<void> } | undefined
  const server = createServer(async (incoming, response) => {
    const line = `${incoming.method} ${incoming.url}`
    asked.push(line)
    if (held?.pattern.test(line)) await held.released
    const [host, port] = behind.split(':')
    const { method, url, headers } = incoming
    const outgoing = request({ host, port, method, path: url, headers }, (answer) => {
      answered.push(`${line} ${answer.statusCode}`)
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
    answered: () => answered,
    hold(pattern) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = { pattern, released: promise }
      return {
        [Symbol.dispose]() {
          held = undefined
          resolve()
        },
      }
    },
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}
