/** A real containerd with a stargz snapshotter, Debian's or the newest, in a folder of its own, removed when disposed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unmountBelow } from '../../system/mounts.ts'
import { runCommand } from '../../system/process/command.ts'
import { buildGo } from './go.ts'
import { buildNewest } from './newest.ts'
import type { PeerSet } from './peers.ts'
import { HANG_MS, until } from './until.ts'

export interface Containerd extends AsyncDisposable {
  readonly address: string
  readonly folder: string
  /** ctr-remote: ctr with the commands for lazy pulling */
  ctr(...args: readonly string[]): Promise<string>
  /** environment for running `ctr-remote` yourself */
  readonly env: NodeJS.ProcessEnv
}

interface ContainerdOptions {
  /** `dead`: configured, but not running */
  readonly snapshotter?: 'running' | 'dead' | 'none'
  readonly peers?: PeerSet
  /** of the newest snapshotter, by the names of its configuration file; what it logs is then in `snapshotter.log` of the folder */
  readonly settings?: Readonly<Record<string, unknown>>
}

export async function startContainerd({
  snapshotter = 'running',
  peers = 'debian',
  settings,
}: ContainerdOptions = {}): Promise<Containerd> {
  const programs = await programsOf(peers)
  const folder = await mkdtemp('/var/tmp/hs-containerd-')
  const socket = join(folder, 'snapshotter.sock')
  const address = join(folder, 'containerd.sock')
  await writeFile(
    join(folder, 'config.toml'),
    configuration(folder, address, snapshotter === 'none' ? undefined : socket),
  )
  await mkdir(join(folder, 'snapshotter'))
  const children: ChildProcess[] = []
  const start = async (command: string, args: string[], ready: string, log?: FileHandle) => {
    const stderr = log?.fd ?? 'ignore'
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', stderr], env: programs.env })
    children.push(child)
    await until(`${command} listens on ${ready}`, () => {
      if (child.exitCode !== null) throw new Error(`${command} did not start`)
      return existsSync(ready)
    })
  }
  const env = { ...programs.env, CONTAINERD_ADDRESS: address }
  const ctr = (...args: readonly string[]) => runCommand('ctr-remote', args, { env })
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), HANG_MS)
      await ended
      clearTimeout(late)
    }
    await unmountBelow(folder)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    if (snapshotter === 'running') {
      const args = ['--address', socket, '--root', join(folder, 'snapshotter')]
      await using log = settings && (await open(join(folder, 'snapshotter.log'), 'w'))
      if (settings) args.push('--verbose', '--config', JSON.stringify(settings))
      await start(programs.snapshotter, args, socket, log)
    }
    await start('containerd', ['-c', join(folder, 'config.toml')], address)
    await ctr('version')
  } catch (error) {
    await stop()
    throw error
  }
  return { address, folder, ctr, env, [Symbol.asyncDispose]: stop }
}

/** @returns what to run, and with which environment: a containerd finds its shim on the PATH */
export async function programsOf(peers: PeerSet): Promise<{ snapshotter: string; env: NodeJS.ProcessEnv }> {
  if (peers === 'debian') return { snapshotter: await stargzDebian(), env: process.env }
  const [containerd, stargzd] = [await buildNewest('containerd'), await buildNewest('stargzd')]
  return {
    snapshotter: join(stargzd, 'stargzd'),
    env: { ...process.env, PATH: `${containerd}:${process.env.PATH}` },
  }
}

/** The snapshotter of Debian's packages. @returns path of the daemon */
const stargzDebian = (): Promise<string> => buildGo(new URL('stargzd/', import.meta.url).pathname)

const configuration = (folder: string, address: string, socket: string | undefined): string => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${address}"
${
  socket === undefined
    ? ''
    : `[proxy_plugins.stargz]
  type = "snapshot"
  address = "${socket}"
`
}`
