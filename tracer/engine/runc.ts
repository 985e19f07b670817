/** Runs a container with runc alone: no daemon, the overlay is its root. Networks are the host's, or none. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { constants, hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tryCommand } from '../../image/command.ts'
import { HeadstartError, messageOf } from '../../image/errors.ts'
import { readInside, resolveInside } from '../inside.ts'
import { lookAtMachine } from './machine.ts'
import { killAll, processesNaming, removeCgroups } from './processes.ts'
import { publishedPorts, type RunOptions } from './run-options.ts'
import { runcConfig } from './runc-config.ts'
import type { Container, ContainerRequest, Engine } from './types.ts'
import { resolveUser } from './users.ts'

/** runc's own state lies in the workspace, so that what a dead run left is found there. */
const STATE = 'runc'

export const runcEngine: Engine = {
  name: 'runc',
  async unavailable() {
    try {
      await tryCommand('runc', ['--version'])
      return undefined
    } catch (error) {
      return messageOf(error)
    }
  },
  async run(request) {
    refuseOptions(request)
    const bundle = await writeBundle(request)
    const state = join(request.folder, STATE)
    const log = join(bundle, 'runc.log')
    request.signal?.throwIfAborted()
    await request.beforeStart()
    const child = spawn(
      'runc',
      ['--root', state, '--log', log, '--log-format', 'json', 'run', '--bundle', bundle, request.id],
      // Apart from our process group: a terminal's Ctrl-C ends the recording, not the container.
      { stdio: [request.options.interactive ? 'pipe' : 'ignore', 'pipe', 'pipe'], detached: true },
    )
    child.stdout?.on('data', (chunk: Buffer) => request.onOutput('stdout', chunk))
    child.stderr?.on('data', (chunk: Buffer) => request.onOutput('stderr', chunk))
    if (child.stdin) request.input?.pipe(child.stdin)
    const exited = exitOf(child, log)
    exited.catch(() => {}) // whoever awaits it is told; nobody may
    return {
      // On the host's network nothing has to be published: the container's port is the host's.
      ports: publishedPorts(request.options),
      address: request.options.network === 'none' ? undefined : '127.0.0.1',
      exited,
      exec: async (command, signal) =>
        (
          await tryCommand(
            'runc',
            ['--root', state, 'exec', request.id, ...command],
            signal ? { signal } : {},
          )
        ).status,
      kill: async (signal) => {
        await tryCommand('runc', ['--root', state, 'kill', request.id, signal])
      },
      async [Symbol.asyncDispose]() {
        await end(() => tryCommand('runc', ['--root', state, 'delete', '--force', request.id]), exited)
      },
    } satisfies Container
  },
  async sweep(id, folder) {
    if ((await runcEngine.unavailable()) !== undefined) return
    const state = join(folder, STATE)
    // First a runc that is still at work: it would go on making the container.
    await killAll(await processesNaming(state))
    await tryCommand('runc', ['--root', state, 'delete', '--force', id])
    await removeCgroups(id)
  },
}

const END_AGAIN_MS = 100

/** Deletes until the container has ended: a runc that is still making it has nothing yet that could be deleted. */
async function end(remove: () => Promise<unknown>, exited: Promise<number>): Promise<void> {
  const ended = exited.then(
    () => true,
    () => true,
  )
  do await remove()
  while (!(await Promise.race([ended, sleep(END_AGAIN_MS, false)])))
}

function refuseOptions({ options }: ContainerRequest): void {
  const refuse = (option: string, why: string): never => {
    throw new HeadstartError('E_OPTION', `${option} ${why} with the runc engine`, {
      hint: 'Use --engine docker',
    })
  }
  const { network } = options
  if (network !== undefined && network !== 'host' && network !== 'none')
    refuse(`--network ${network}`, 'is not to be had')
  if (options.gpus !== undefined) refuse('--gpus', 'is not to be had')
  if (options.tty) refuse('-t', 'is not to be had')
  if (options.binds?.some(({ type, source }) => type === 'volume' && source !== ''))
    refuse('a named volume', 'is not to be had')
}

async function writeBundle(request: ContainerRequest): Promise<string> {
  const { id, folder, root, plainRoot, process, options } = request
  const bundle = join(folder, 'bundle')
  await mkdir(bundle, { recursive: true })
  const [passwd = '', group = ''] = await Promise.all([
    readInside(plainRoot, 'etc/passwd'),
    readInside(plainRoot, 'etc/group'),
  ])
  await makeVolumes(root, options)
  const identity = resolveUser(process.user, passwd, group)
  const name = hostnameOf(request)
  const files = await writeNetworkFiles(bundle, name, options)
  const machine = await lookAtMachine({ devices: options.privileged ?? false })
  const config = runcConfig({ id, root, hostname: name, process, identity, options, files, machine })
  await writeFile(join(bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  return bundle
}

/** A volume without a name needs no place of its own: the root can be written, and goes with the container. */
async function makeVolumes(root: string, { binds = [] }: RunOptions): Promise<void> {
  for (const { type, target } of binds)
    if (type === 'volume') await mkdir(await resolveInside(root, target), { recursive: true })
}

/** As Docker: on the host's network its name too; else one that looks like a container's ID. */
const hostnameOf = ({ id, options }: ContainerRequest): string =>
  options.network === 'none' ? createHash('sha256').update(id).digest('hex').slice(0, 12) : hostname()

/** /etc/hosts of a container without network, as Docker writes it. */
const LOOPBACK_HOSTS = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::0', 'ip6-localnet'],
  ['ff00::0', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
]

const hostsLines = (entries: readonly (readonly string[])[]): string =>
  entries.map((entry) => `${entry.join('\t')}\n`).join('')

/** /etc/hosts, hostname and resolv.conf: the engine's business, not the image's. */
async function writeNetworkFiles(bundle: string, hostname: string, options: RunOptions) {
  const dns = (options.dns ?? []).map((server) => `nameserver ${server}\n`).join('')
  const known =
    options.network === 'none'
      ? hostsLines(LOOPBACK_HOSTS)
      : await readFile('/etc/hosts', 'utf8').catch(() => '')
  const added = (options.addHosts ?? []).map((entry) => {
    const at = entry.indexOf(':')
    return [entry.slice(at + 1), entry.slice(0, at)]
  })
  const texts = {
    hosts: known + hostsLines(added),
    hostname: `${hostname}\n`,
    'resolv.conf': dns || (await readFile('/etc/resolv.conf', 'utf8').catch(() => '')),
  }
  return Promise.all(
    Object.entries(texts).map(async ([name, text]) => {
      const source = join(bundle, name)
      await writeFile(source, text)
      return { source, target: `/etc/${name}` }
    }),
  )
}

/** @returns the container's status. Rejects with E_RUN when runc itself failed, by its log. */
function exitOf(child: ChildProcess, log: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new HeadstartError('E_RUN', `runc did not run: ${messageOf(cause)}`, { cause }))
    })
    child.once('close', async (code, signal) => {
      const complaint = await complaintIn(log)
      if (code !== 0 && complaint !== undefined)
        reject(
          new HeadstartError(
            'E_RUN',
            `runc could not start the container: ${complaint.replace(/^(?:(?:runc run failed|unable to start container process): )+/, '')}`,
          ),
        )
      else resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}

async function complaintIn(log: string): Promise<string | undefined> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n')
  const error = lines.find((line) => line.includes('"level":"error"'))
  return error === undefined
    ? undefined
    : /"msg":"((?:[^"\\]|\\.)*)"/.exec(error)?.[1]?.replaceAll('\\"', '"')
}
