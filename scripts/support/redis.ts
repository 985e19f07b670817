/** A real Redis on a free port of the loopback interface, with an append-only file; it can be killed and started again with what it wrote. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, killed } from './serve.ts'
import { until } from './until.ts'

export interface TestRedis extends AsyncDisposable {
  readonly port: number
  /** with the password, if it has one */
  readonly url: string
  /** where its append-only file is */
  readonly folder: string
  /** Ends it as a power cut does. */
  kill(): Promise<void>
  /** After `kill`: on the same port, with the data of its append-only file. */
  start(): Promise<void>
}

export interface RedisSettings {
  readonly password?: string
}

export async function startRedis({ password }: RedisSettings = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'hs-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const kill = () => killed(child)
  const start = async () => {
    const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '']
    const kept = ['--appendonly', 'yes', '--appendfsync', 'everysec']
    const login = password === undefined ? [] : ['--requirepass', password]
    const started = spawn('redis-server', [...settings, ...kept, ...login], { stdio: 'ignore' })
    child = started
    await until('redis-server answers', async () => {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`)
      return await answers(port)
    })
  }
  await start()
  return {
    port,
    folder,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** It reads its file before it answers anything but LOADING. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer]: unknown[] = await once(socket, 'data')
    return /^(\+PONG|-NOAUTH)/.test(String(answer))
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
