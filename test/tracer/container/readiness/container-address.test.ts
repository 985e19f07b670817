/** Where a container is reached: what a person writes for it, as an address and a port of this machine. */
import { expect, test } from 'vitest'
import {
  addressOf,
  containerPort,
  containerUrl,
} from '../../../../tracer/container/readiness/container-address.ts'
import type { Container } from '../../../../tracer/container/types.ts'

const containerAt = (address: string | undefined, ports: [number, number][] = []): Container => ({
  address,
  ports: new Map(ports),
  exited: new Promise(() => {}),
  exec: async () => 0,
  kill: async () => {},
  [Symbol.asyncDispose]: async () => {},
})

test.each([
  ['http://localhost:8000/health?x=1', 'http://172.17.0.2:8000/health?x=1'],
  ['http://127.0.0.1/', 'http://172.17.0.2/'],
  ['http://[::1]:80/a', 'http://172.17.0.2/a'],
  ['https://0.0.0.0:8443/', 'https://172.17.0.2:8443/'],
  ['http://db.example:5432/', 'http://db.example:5432/'],
])('%s is %s', (written, reached) => {
  expect(containerUrl(written, containerAt('172.17.0.2')).href).toBe(reached)
})

test('a published port is that of the container, and an IPv6 address is one in a URL', () => {
  const container = containerAt('fd00::2', [[8080, 80]])
  expect(containerPort(8080, container)).toBe(80)
  expect(containerPort(80, container)).toBe(80)
  expect(containerUrl('http://localhost:8080/', container).href).toBe('http://[fd00::2]/')
})

test('without a network there is no address, and the hint says which checks need none', () => {
  expect(() => addressOf(containerAt(undefined))).toThrow(
    expect.objectContaining({ code: 'E_READY', hint: 'Use --ready-log or --ready-exec' }),
  )
  expect(containerUrl('http://db.example/', containerAt(undefined)).host).toBe('db.example')
})
