/**
 * A Docker engine that keeps its images in containerd's store, as new installations do. Debian 12's can't; Debian 13's can: it runs in a
 * root of its own, made once and kept in .cache, with a network of its own, so that it leaves the machine's bridge alone.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Docker from 'dockerode'
import { until } from '../../scripts/support/until.ts'
import { runCommand } from '../../system/command.ts'
import { unmountBelow } from '../../system/mounts.ts'

export interface StoreEngine extends AsyncDisposable {
  readonly docker: Docker
  /** for `$DOCKER_HOST` */
  readonly host: string
  /** what is mounted below it is seen by the engine */
  readonly folder: string
}

const ROOT = fileURLToPath(new URL('../../.cache/docker-trixie', import.meta.url))

async function engineRoot(): Promise<string> {
  if (existsSync(ROOT)) return ROOT
  await mkdir(dirname(ROOT), { recursive: true })
  const made = await mkdtemp(`${ROOT}.`)
  const packages = ['--variant=minbase', '--include=docker.io', '--dpkgopt=force-unsafe-io']
  await runCommand('mmdebstrap', [...packages, '--dpkgopt=path-exclude=/usr/share/doc/*', 'trixie', made])
  // Whoever comes second keeps the first one's.
  await rename(made, ROOT).catch(() => rm(made, { recursive: true, force: true }))
  return ROOT
}

/** $1 the root, $2 the shared folder: in namespaces of its own. The root has to be a mount, or runc can't leave it. */
const ENTER = `
set -e
mount --bind "$1" "$1"
for name in proc sys dev; do mount --rbind "/$name" "$1/$name"; done
mount -t tmpfs none "$1/run"
mkdir -p "$1$2"
mount --rbind "$2" "$1$2"
ip link set lo up
exec chroot "$1" dockerd --config-file "$2/daemon.json"`

export async function startStoreEngine(): Promise<StoreEngine> {
  const root = await engineRoot()
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp('/var/tmp/hs-store-')
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const host = `unix://${folder}/docker.sock`
  const configuration = {
    features: { 'containerd-snapshotter': true },
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'pid'),
    hosts: [host],
    // Its network is its own: the machine's bridge isn't there to be removed.
    bridge: 'none',
    iptables: false,
    ip6tables: false,
  }
  await writeFile(join(folder, 'daemon.json'), JSON.stringify(configuration))
  // What is mounted in it later, by whomever, appears in the engine's namespace too.
  await runCommand('mount', ['--bind', folder, folder])
  stack.defer(() => unmountBelow(folder))
  await runCommand('mount', ['--make-shared', folder])
  const namespaces = ['unshare', '--mount', '--net', '--propagation', 'slave']
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'TERM', ...namespaces, 'sh', '-c', ENTER, 'sh', root, folder],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const ended = once(child, 'exit')
  stack.defer(async () => {
    child.kill('SIGTERM')
    await ended
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-2000)
  })
  const docker = new Docker({ socketPath: `${folder}/docker.sock` })
  await until('dockerd answers', async () => {
    if (child.exitCode !== null) throw new Error(`dockerd did not start: ${log}`)
    return await docker.ping().catch(() => false)
  })
  const owned = stack.move()
  return { docker, host, folder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
