/** The workers of a fleet against the clock: a registry, Redis and `headstart fleet work`, all real and all on this machine. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lookingWith } from '../../cli/fleet/looking.ts'
import { parseFleet } from '../../fleet/config/fleet.ts'
import { openRedisQueue } from '../../fleet/queue/bullmq.ts'
import { apply, survey } from '../../fleet/survey.ts'
import { runCommand } from '../../system/process/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { startRedis } from '../support/redis.ts'
import { startRegistry } from '../support/registry.ts'
import { HEADSTART } from './figures-images.ts'
import { pushNextBuild } from './next-build.ts'

export interface BenchImage {
  readonly name: string
  /** as a source's text */
  readonly image: string
  /** what its log says when it has started */
  readonly ready: RegExp
}

/** @param signal ends it, and all that it has started. @returns images an hour: of new ones, which are recorded and rebuilt, and of their next builds, which are rebuilt */
export async function throughput(
  { name: kind, image, ready }: BenchImage,
  { workers, images }: { readonly workers: number; readonly images: number },
  signal: AbortSignal,
): Promise<number[]> {
  await using registry = await startRegistry()
  await using redis = await startRedis({ fsync: 'everysec' })
  await using queue = await openRedisQueue({ url: redis.url })
  const names = Array.from({ length: images }, (_, index) => `${kind}-${index}`)
  const text = JSON.stringify({
    version: 1,
    registry: registry.host,
    defaults: { ready: { log: ready.source, timeout: '5m' } },
    images: [{ repositories: names, tags: ['v*'] }],
  })
  await using folder = await mkdtempDisposable(join(workspaceRoot(), 'bench-fleet-'))
  const file = join(folder.path, 'fleet.yaml')
  await writeFile(file, text)
  const fleet = parseFleet(text, file)
  await using looking = lookingWith({ insecure: false }, queue, signal)
  const bringUpToDate = async (): Promise<number> => {
    const started = performance.now()
    await survey(fleet, looking, async ({ step }) => {
      await apply(step, queue)
    })
    await queue.idle(signal)
    return (images * 3600_000) / (performance.now() - started)
  }
  for (const name of names) {
    signal.throwIfAborted()
    const target = `docker://${registry.host}/${name}:v1`
    await runCommand(process.execPath, [HEADSTART, '--quiet', 'copy', image, target])
  }
  await using _workers = await startWorkers(workers, redis.url, file)
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

async function startWorkers(count: number, queue: string, file: string): Promise<AsyncDisposable> {
  const children: ChildProcess[] = []
  for (let started = 0; started < count; started++) {
    const child = spawn(process.execPath, [HEADSTART, 'fleet', 'work', file], {
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
