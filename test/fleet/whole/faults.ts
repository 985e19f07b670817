/** What goes wrong, each in the middle of a job that is looked for while its image is pushed, so that it surely does. */
import type { TestRedis } from '../../../scripts/support/redis.ts'
import type { TestRegistry } from '../../../scripts/support/registry.ts'
import { until } from '../../../scripts/support/until.ts'
import { type Frozen, freeze, imagesUnder, isGone } from './processes.ts'
import type { Program } from './programs.ts'

type Command = 'profile' | 'optimize'

/** @returns the image whose job was begun, and not ended */
export type Fault = (workers: readonly Program[], command: Command, pushing: Promise<void>) => Promise<string>

/** Once all is pushed, and a command that had begun by then stands still. */
async function frozen(
  workers: readonly Program[],
  command: Command,
  pushing: Promise<void>,
): Promise<Frozen> {
  const [found] = await Promise.all([freeze(pidsOf(workers), command), pushing])
  return found
}

const pidsOf = (workers: readonly Program[]): number[] => workers.map((worker) => worker.pid())

const ownerOf = (workers: readonly Program[], pid: number): Program => {
  const owner = workers.find((worker) => worker.pid() === pid)
  if (!owner) throw new Error(`${pid} is no worker`)
  return owner
}

/** The worker and its command end at the same time; what the command has started stays. Another worker is started there. */
export const machineDies: Fault = async (workers, command, pushing) => {
  const { image, parent, pid } = await frozen(workers, command, pushing)
  const worker = ownerOf(workers, parent)
  await worker.end('SIGKILL')
  process.kill(pid, 'SIGKILL')
  await worker.start()
  return image
}

/** The worker alone ends: its command sees that, and ends as well. */
export const workerDies: Fault = async (workers, command, pushing) => {
  const { image, parent, pid, goOn } = await frozen(workers, command, pushing)
  const worker = ownerOf(workers, parent)
  await worker.end('SIGKILL')
  goOn()
  await until('the command has ended, too', () => isGone(pid))
  await worker.start()
  return image
}

/**
 * It is away when a job ends.
 * @returns the images whose jobs were begun by then: where it is away for longer than a worker may be silent, they are done again
 */
export async function redisDies(
  redis: TestRedis,
  workers: readonly Program[],
  pushing: Promise<void>,
): Promise<string[]> {
  const { pid, goOn } = await frozen(workers, 'optimize', pushing)
  const begun = new Set<string>()
  const look = async () => {
    for (const image of await imagesUnder(pidsOf(workers))) begun.add(image)
  }
  await look()
  await redis.kill()
  await look()
  goOn()
  await until('the job has ended', async () => {
    await look()
    return await isGone(pid)
  })
  await redis.start()
  return [...begun]
}

/** It is away when a job needs it, until that has failed. */
export async function registryDies(
  registry: TestRegistry,
  workers: readonly Program[],
  { pushing, hasFailed }: { readonly pushing: Promise<void>; readonly hasFailed: () => Promise<boolean> },
): Promise<void> {
  const { goOn } = await frozen(workers, 'optimize', pushing)
  await registry.kill()
  goOn()
  await until('a job is to be tried again', hasFailed)
  await registry.start()
}
