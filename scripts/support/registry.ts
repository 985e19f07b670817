/** A real registry (Debian's docker-registry, or the newest distribution) on a free port of the loopback interface, removed when disposed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../system/process/command.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { buildNewest } from './newest.ts'
import { type PeerSet, peerSets } from './peers.ts'
import { freePort, killed } from './serve.ts'
import { until } from './until.ts'

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  /** where it stores its blobs */
  readonly folder: string
  /** PEM file of the authority that signed its certificate, with `tls` */
  readonly caFile: string | undefined
  /** its key: with it the certificate can be used as a client certificate that `askClients` accepts */
  readonly keyFile: string | undefined
  /** Ends it as a power cut does; with it go the notifications that it has not sent. */
  kill(): Promise<void>
  /** After `kill`: on the same port, with what it stored. */
  start(): Promise<void>
}

export interface RegistryOptions {
  readonly tls?: boolean
  /** with `tls`: clients without a certificate of the same authority are refused */
  readonly askClients?: boolean
  readonly auth?: { readonly user: string; readonly password: string }
  /** further configuration, as YAML lines of the top level */
  readonly extra?: string
  /** another one, whose images it has, too */
  readonly beside?: Pick<TestRegistry, 'folder'>
  readonly peers?: PeerSet
}

export interface Registries extends AsyncDisposable {
  of(peers: PeerSet): TestRegistry
}

/** One of each, Debian's and the newest. */
export async function startRegistries(options: Omit<RegistryOptions, 'peers'> = {}): Promise<Registries> {
  const started = new Map<PeerSet, TestRegistry>()
  for (const peers of peerSets) started.set(peers, await startRegistry({ ...options, peers }))
  return {
    of: (peers) => started.get(peers) ?? noRegistry(peers),
    async [Symbol.asyncDispose]() {
      for (const each of started.values()) await each[Symbol.asyncDispose]()
    },
  }
}

const noRegistry = (peers: PeerSet): never => {
  throw new Error(`no registry of ${peers}`)
}

export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const program =
    options.peers === 'newest' ? join(await buildNewest('registry'), 'registry') : 'docker-registry'
  const folder = await mkdtemp(join(tmpdir(), 'hs-registry-'))
  const host = `127.0.0.1:${await freePort()}`
  const tls = options.tls ? await makeCertificate(folder) : undefined
  const settings = await settingsFor(options, { folder, host, tls })
  await writeFile(join(folder, 'config.yml'), `${settings.join('\n')}\n`)
  let child: ChildProcess | undefined
  const kill = () => killed(child)
  const start = async () => {
    child = await started(program, join(folder, 'config.yml'), host)
  }
  await start()
  return {
    host,
    url: `${tls ? 'https' : 'http'}://${host}`,
    folder,
    caFile: tls?.certificate,
    keyFile: tls?.key,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Place {
  readonly folder: string
  readonly host: string
  readonly tls: Certificate | undefined
}

/** As YAML lines. */
async function settingsFor(options: RegistryOptions, { folder, host, tls }: Place): Promise<string[]> {
  const { auth, extra, beside } = options
  const lines = [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${beside?.folder ?? folder}/data }, delete: { enabled: true } }`,
    `http: { addr: '${host}'${tls ? `, tls: { ${tlsSettings(tls, options)} }` : ''} }`,
  ]
  if (auth) {
    const file = join(folder, 'htpasswd')
    await writeFile(file, await runCommand('htpasswd', ['-Bbn', '-C', '4', auth.user, auth.password]))
    lines.push(`auth: { htpasswd: { realm: test, path: ${file} } }`)
  }
  return extra === undefined ? lines : [...lines, extra]
}

async function started(program: string, settings: string, host: string): Promise<ChildProcess> {
  const child = spawn(program, ['serve', settings], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  await answering(host, () => (child.exitCode === null ? undefined : complaint))
  return child
}

const tlsSettings = ({ certificate, key }: Certificate, { askClients }: RegistryOptions) =>
  `certificate: ${certificate}, key: ${key}${askClients ? `, clientcas: [${certificate}]` : ''}`

async function answering(host: string, failed: () => string | undefined): Promise<void> {
  const [address, port] = host.split(':')
  await until('docker-registry answers', async () => {
    const socket = connect(Number(port), address)
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    const complaint = open ? undefined : failed()
    if (complaint !== undefined) throw new Error(`docker-registry ended: ${complaint}`)
    return open
  })
}
