/** A real Redis on a free port of the loopback interface, with an append-only file; it can be killed and started again with what it wrote. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectSecurely } from 'node:tls'
import { type Certificate, makeCertificate } from './certificate.ts'
import { freePort, killed } from './serve.ts'
import { until } from './until.ts'

export interface TestRedis extends AsyncDisposable {
  readonly port: number
  /** with the password, if it has one; `rediss:` where it speaks TLS */
  readonly url: string
  /** PEM file of its certificate's authority, where it speaks TLS */
  readonly caFile: string | undefined
  /** where its append-only file is */
  readonly folder: string
  /** Ends it as a power cut does. */
  kill(): Promise<void>
  /** After `kill`: on the same port, with the data of its append-only file. */
  start(): Promise<void>
}

export interface RedisSettings {
  readonly password?: string
  /** it speaks TLS alone, with a certificate for these names, such as `IP:127.0.0.1` */
  readonly tls?: string
  /**
   * `always` unless told: nothing that was answered is lost when it is killed. `everysec`, as people run it, puts a write off while the disk is busy
   * with the one before.
   */
  readonly fsync?: 'always' | 'everysec'
}

export async function startRedis({
  password,
  tls,
  fsync = 'always',
}: RedisSettings = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'hs-redis-'))
  const port = await freePort()
  const certificate = tls === undefined ? undefined : await makeCertificate(folder, tls)
  let child: ChildProcess | undefined
  const kill = () => killed(child)
  const start = async () => {
    const settings = [
      ...portSettings(port, certificate),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
    ]
    const kept = ['--appendonly', 'yes', '--appendfsync', fsync]
    const login = password === undefined ? [] : ['--requirepass', password]
    const started = spawn('redis-server', [...settings, ...kept, ...login], { stdio: 'ignore' })
    child = started
    await until('redis-server answers', async () => {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`)
      return await answers(port, certificate !== undefined)
    })
  }
  await start()
  return {
    port,
    folder,
    caFile: certificate?.certificate,
    url: `redis${certificate ? 's' : ''}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const portSettings = (port: number, certificate: Certificate | undefined): string[] =>
  certificate
    ? [
        ...['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no'],
        ...['--tls-cert-file', certificate.certificate, '--tls-key-file', certificate.key],
      ]
    : ['--port', `${port}`]

/** It reads its file before it answers anything but LOADING. */
async function answers(port: number, isSecure: boolean): Promise<boolean> {
  const place = { port, host: '127.0.0.1' }
  const socket = isSecure ? connectSecurely({ ...place, rejectUnauthorized: false }) : connect(place)
  try {
    await once(socket, isSecure ? 'secureConnect' : 'connect')
    socket.write('PING\r\n')
    const [answer]: unknown[] = await once(socket, 'data')
    return /^(\+PONG|-NOAUTH)/.test(String(answer))
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
