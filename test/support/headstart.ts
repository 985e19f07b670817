/** Runs the command as a person does, in a folder of its own, and tells what it left behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import Docker from 'dockerode'
import { mountsBelow, unmountBelow } from '../../system/mounts.ts'

export const HEADSTART = fileURLToPath(new URL('../../cli/headstart.js', import.meta.url))

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunChoices {
  readonly env?: Readonly<Record<string, string>>
  /** what comes in, to its end; nothing without; `typed`: what `meanwhile` types */
  readonly input?: string | 'typed'
  /** a program and its arguments that the command is run by */
  readonly under?: readonly string[]
  /** called once it runs; may send signals */
  readonly meanwhile?: (child: Running) => Promise<void>
}

interface Running {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** as a terminal does: where it was started by `setsid`, all processes of it */
  killGroup(signal: NodeJS.Signals): void
  type(text: string): void
  readonly stdout: () => string
  readonly stderr: () => string
}

export interface Sandbox extends AsyncDisposable {
  readonly folder: string
  run(args: readonly string[], choices?: RunChoices): Promise<Outcome>
  /** what a command has left: mounts, folders, containers and images of ours; empty when it cleaned up */
  leftovers(): Promise<string[]>
}

/** Workspaces of the commands run in it, and what they note of them, live in its folder, apart from those of other tests. */
export async function sandbox(): Promise<Sandbox> {
  const folder = await mkdtemp('/var/tmp/hs-cli-')
  return {
    folder,
    run: (args, choices = {}) => run(folder, args, choices),
    leftovers: () => leftovers(folder),
    async [Symbol.asyncDispose]() {
      await unmountBelow(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function run(
  folder: string,
  args: readonly string[],
  { env, input, under = [], meanwhile }: RunChoices,
): Promise<Outcome> {
  const [program = process.execPath, ...rest] = [...under, process.execPath, HEADSTART, ...args]
  const child = spawn(program, rest, {
    cwd: folder,
    env: {
      ...process.env,
      HEADSTART_TMPDIR: `${folder}/work`,
      HEADSTART_RUNDIR: `${folder}/run`,
      HEADSTART_CACHEDIR: `${folder}/cache`,
      NO_COLOR: '1',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}) // one that has ended reads nothing
  if (input !== 'typed') child.stdin.end(input)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const closed = once(child, 'close')
  const running: Running = {
    pid: Number(child.pid),
    kill: (signal) => child.kill(signal),
    killGroup: (signal) => process.kill(-Number(child.pid), signal),
    type: (text) => void child.stdin.write(text),
    stdout: () => output.stdout,
    stderr: () => output.stderr,
  }
  try {
    await meanwhile?.(running)
  } catch (error) {
    await killAll(folder) // or the next test would find it
    throw error
  }
  child.stdin.end()
  await closed
  return { status: child.exitCode, ...output }
}

async function leftovers(folder: string): Promise<string[]> {
  const mounts = mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder)
  const places = [`${folder}/work`, `${folder}/run`]
  const names = (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat()
  const folders = names.filter((name) => name.startsWith('headstart-'))
  return [...mounts, ...folders, ...(await processesOf(folder)).map(({ line }) => line)]
}

/** Processes whose command line or root names the folder: mount servers, containers. */
async function processesOf(folder: string): Promise<{ readonly pid: number; readonly line: string }[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid)
  const lines = await Promise.all(
    pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  )
  return lines
    .filter(({ line }) => line.includes(folder))
    .map(({ pid, line }) => ({ pid, line: line.replaceAll('\0', ' ') }))
}

/** What a test that failed has left running, and its mounts. */
async function killAll(folder: string): Promise<void> {
  for (const { pid } of await processesOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  }
  await unmountBelow(folder)
}

/** Containers and images that the Docker engine holds for workspaces in the list. */
export async function engineLeftovers(): Promise<string[]> {
  const docker = new Docker()
  const containers = await docker.listContainers({ all: true, filters: { label: ['headstart'] } })
  const images = await docker.listImages()
  return [
    ...containers.map(({ Names }) => Names.join()),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith('headstart-shell')),
  ]
}
