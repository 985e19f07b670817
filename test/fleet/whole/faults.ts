/** What goes wrong, each in the middle of a job, so that it surely does. */
import type { TestRedis } from '../../../scripts/support/redis.ts'
import type { TestRegistry } from '../../../scripts/support/registry.ts'
import { until } from '../../../scripts/support/until.ts'
import { freeze, isGone } from './processes.ts'
import type { Program } from './programs.ts'

/** @returns the image whose job was begun, and not ended */
export type Fault = (workers: readonly Program[], command: 'profile' | 'optimize') => Promise<string>

const pidsOf = (workers: readonly Program[]): number[] => workers.map((worker) => worker.pid())

const ownerOf = (workers: readonly Program[], pid: number): Program => {
  const owner = workers.find((worker) => worker.pid() === pid)
  if (!owner) throw new Error(`${pid} is no worker`)
  return owner
}

/** The worker and its command end at the same time; what the command has started stays. Another worker is started there. */
export const machineDies: Fault = async (workers, command) => {
  const { image, parent, pid } = await freeze(pidsOf(workers), command)
  const worker = ownerOf(workers, parent)
  await worker.end('SIGKILL')
  process.kill(pid, 'SIGKILL')
  await worker.start()
  return image
}

/** The worker alone ends: its command sees that, and ends as well. */
export const workerDies: Fault = async (workers, command) => {
  const { image, parent, pid, goOn } = await freeze(pidsOf(workers), command)
  const worker = ownerOf(workers, parent)
  await worker.end('SIGKILL')
  goOn()
  await until('the command has ended, too', () => isGone(pid))
  await worker.start()
  return image
}

/** It is away when a job ends. */
export async function redisDies(redis: TestRedis, workers: readonly Program[]): Promise<void> {
  const { pid, goOn } = await freeze(pidsOf(workers), 'optimize')
  await redis.kill()
  goOn()
  await until('the job has ended', () => isGone(pid))
  await redis.start()
}

/** It is away when a job needs it, until that has failed. */
export async function registryDies(
  registry: TestRegistry,
  workers: readonly Program[],
  hasFailed: () => Promise<boolean>,
): Promise<void> {
  const { goOn } = await freeze(pidsOf(workers), 'optimize')
  await registry.kill()
  goOn()
  await until('a job is to be tried again', hasFailed)
  await registry.start()
}
