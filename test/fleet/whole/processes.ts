/** What the processes of this machine are at, by /proc; and how one is stopped in the middle of it. */
import { readdir, readFile } from 'node:fs/promises'
import { until } from '../../../scripts/support/until.ts'
import { codeOf } from '../../../system/errors.ts'

/** A command that a worker performs a job by, stopped in the middle of that. */
export interface Frozen {
  /** of the worker */
  readonly parent: number
  readonly pid: number
  /** `repository:tag` */
  readonly image: string
  goOn(): void
}

/**
 * The first such command that one of the workers has started. Of images in place nobody could tell whether they were made twice: they are left alone.
 */
export async function freeze(parents: readonly number[], command: 'profile' | 'optimize'): Promise<Frozen> {
  const found: Frozen[] = []
  await until(`a ${command} runs`, async () => {
    for (const { pid, parent, words } of await childrenOf(parents)) {
      const image = imageIn(words)
      if (!image?.startsWith('team/') || !words.includes(command) || !(await stop(pid))) continue
      found.push({ parent, pid, image, goOn: () => process.kill(pid, 'SIGCONT') })
      return true
    }
    return false
  })
  const [first] = found
  if (!first) throw new Error('until has returned')
  return first
}

const imageIn = (words: readonly string[]): string | undefined =>
  /\/((?:team|shop)\/\w+:v\d)@sha256:/.exec(words.join(' '))?.[1]

/** `repository:tag` of those whose jobs the workers perform now. */
export const imagesUnder = async (parents: readonly number[]): Promise<string[]> =>
  (await childrenOf(parents)).flatMap(({ words }) => imageIn(words) ?? [])

/** @returns whether it had not ended before */
async function stop(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 'SIGSTOP')
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
    throw error
  }
  await until('it has stopped', async () => /^[TZX]?$/.test(await stateOf(pid)))
  return (await stateOf(pid)) === 'T'
}

const statusOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')

/** As `ps` shows it; empty: there is no such process. */
const stateOf = async (pid: number): Promise<string> => /^State:\s+(\w)/m.exec(await statusOf(pid))?.[1] ?? ''

export const isGone = async (pid: number): Promise<boolean> => /^[ZX]?$/.test(await stateOf(pid))

interface Process {
  readonly pid: number
  readonly words: readonly string[]
}

export async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return { pid: Number(pid), words: line.split('\0') }
    }),
  )
}

async function childrenOf(parents: readonly number[]): Promise<(Process & { readonly parent: number })[]> {
  const all = await Promise.all(
    (await processes()).map(async (each) => ({
      ...each,
      parent: Number(/^PPid:\s+(\d+)/m.exec(await statusOf(each.pid))?.[1]),
    })),
  )
  return all.filter(({ parent }) => parents.includes(parent))
}
