/** How a container is reached from here: at its address, or inside a network of its own. */
import { connect, type Socket } from 'node:net'
import { Agent, buildConnector, type Dispatcher, getGlobalDispatcher } from 'undici'
import { HeadstartError } from '../../../system/errors.ts'
import type { Container } from '../types.ts'

const ATTEMPT_MS = 5000

export function addressOf(container: Container): string {
  if (container.address !== undefined) return container.address
  throw new HeadstartError(
    'E_READY',
    'the container has no network over which its readiness could be checked',
    {
      hint: 'Use --ready-log or --ready-exec',
    },
  )
}

/** The port in the container: of a published port either number may be given. */
export const containerPort = (port: number, container: Container): number => container.ports.get(port) ?? port

/** The URL with the container's address in place of a loopback one. */
export function containerUrl(text: string, container: Container): URL {
  const url = new URL(text)
  if (['localhost', '127.0.0.1', '[::1]', '0.0.0.0'].includes(url.hostname)) {
    const address = addressOf(container)
    url.hostname = address.includes(':') ? `[${address}]` : address
    if (url.port !== '') url.port = String(containerPort(Number(url.port), container))
  }
  return url
}

/** Connects requests for the container to it; other hosts are reached as usual. */
export function dispatcherFor(container: Container): Dispatcher {
  const dial = container.connect
  if (!dial) return getGlobalDispatcher()
  const otherwise = buildConnector({})
  return new Agent({
    connect(options, callback) {
      if (options.hostname !== container.address) return otherwise(options, callback)
      const isTls = options.protocol === 'https:'
      dial(Number(options.port || (isTls ? 443 : 80))).then(
        (socket) =>
          isTls ? otherwise({ ...options, httpSocket: socket }, callback) : callback(null, socket),
        (error: Error) => callback(error, null),
      )
    },
  })
}

/** @param host another host; the container by default. Rejects if nothing answers. */
export function dial(container: Container, port: number, host?: string): Promise<Socket> {
  if (host === undefined && container.connect) return container.connect(containerPort(port, container))
  const address = host ?? addressOf(container)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address,
      port: containerPort(port, container),
      timeout: ATTEMPT_MS,
    })
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.once('connect', () => resolve(socket))
    socket.once('error', fail)
    socket.once('timeout', () => fail(new Error('no answer')))
  })
}
