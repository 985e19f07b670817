/** The workers of a fleet against the clock: a registry, Redis and `headstart fleet work`, all real and all on this machine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lookingWith } from '../../cli/fleet/looking.ts'
import { parseFleet } from '../../fleet/config/fleet.ts'
import { openRedisQueue } from '../../fleet/queue/bullmq.ts'
import { apply, survey } from '../../fleet/survey.ts'
import { runCommand } from '../../system/process/command.ts'
import { startRedis } from '../support/redis.ts'
import { startRegistry } from '../support/registry.ts'
import { HEADSTART } from './figures-images.ts'
import { pushNextBuild } from './next-build.ts'

const NEVER = new AbortController().signal

export interface BenchImage {
  readonly name: string
  /** as a source's text */
  readonly image: string
  /** what its log says when it has started */
  readonly ready: RegExp
}

/** @returns images an hour: of new ones, which are recorded and rebuilt, and of their next builds, which are rebuilt */
export async function throughput(
  { name: kind, image, ready }: BenchImage,
  workers: number,
  images: number,
): Promise<number[]> {
  await using registry = await startRegistry()
  await using redis = await startRedis()
  await using queue = await openRedisQueue({ url: redis.url })
  const names = Array.from({ length: images }, (_, index) => `${kind}-${index}`)
  const fleet = parseFleet(
    JSON.stringify({
      version: 1,
      registry: registry.host,
      defaults: { ready: { log: ready.source, timeout: '5m' } },
      images: [{ repositories: names, tags: ['v*'] }],
    }),
    'fleet.yaml',
  )
  await using looking = lookingWith({ insecure: false }, queue, NEVER)
  const bringUpToDate = async (): Promise<number> => {
    const started = performance.now()
    await survey(fleet, looking, async ({ step }) => {
      await apply(step, queue)
    })
    await queue.idle(NEVER)
    return (images * 3600_000) / (performance.now() - started)
  }
  for (const name of names)
    await runCommand(process.execPath, [
      HEADSTART,
      '--quiet',
      'copy',
      image,
      `docker://${registry.host}/${name}:v1`,
    ])
  await using _workers = await startWorkers(workers, redis.url)
  const first = await bringUpToDate()
  for (const name of names) {
    const place = `docker://${registry.host}/${name}`
    await pushNextBuild(`${place}:v1`, `${place}:v2`)
  }
  const second = await bringUpToDate()
  const { record, rebuild } = await queue.counts()
  if (record.done !== images || rebuild.done !== 2 * images)
    throw new Error(`not all was done: ${JSON.stringify({ record, rebuild })}`)
  return [first, second]
}

async function startWorkers(count: number, queue: string): Promise<AsyncDisposable> {
  const children: ChildProcess[] = []
  for (let started = 0; started < count; started++) {
    const child = spawn(process.execPath, [HEADSTART, 'fleet', 'work'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HEADSTART_QUEUE: queue },
    })
    children.push(child)
    // It says that it waits.
    await once(child.stderr ?? child, 'data')
    child.stderr?.resume()
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
    },
  }
}
