/**
 * A Docker engine that keeps its images in containerd's store, as new installations do. Debian 12's can't; Debian 13's can: it runs in a
 * root and a network of its own, so that it leaves the machine's bridge alone.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Docker from 'dockerode'
import { until } from '../../scripts/support/until.ts'
import { unmountBelow } from '../../system/mounts.ts'
import { runCommand } from '../../system/process/command.ts'
import { debianRoot, enterRoot } from './debian-root.ts'

export interface StoreEngine extends AsyncDisposable {
  readonly docker: Docker
  /** for `$DOCKER_HOST` */
  readonly host: string
  /** what is mounted below it is seen by the engine */
  readonly folder: string
}

export async function startStoreEngine(): Promise<StoreEngine> {
  const root = await debianRoot('docker-trixie', 'trixie', ['docker.io'])
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
  const dockerd = ['dockerd', '--config-file', `${folder}/daemon.json`]
  const [program = '', ...args] = enterRoot(root, folder, dockerd)
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
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
