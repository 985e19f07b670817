/** The machine that samples are taken on, and how a sample starts with nothing cached. */
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { tryCommand } from '../../system/process/command.ts'
import type { Bench } from './file.ts'
import type { OpenRuntime } from './runtime/types.ts'

export async function describeMachine(): Promise<Bench['machine']> {
  const system = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown processor',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(system)?.[1] ?? 'unknown system',
    kernel: release(),
  }
}

const VERSION_OF: Readonly<Record<string, readonly string[]>> = {
  runc: ['runc', '--version'],
  docker: ['docker', '--version'],
  containerd: ['containerd', '--version'],
}

/** Of the programs that the runtimes use. */
export async function programVersions(
  used: readonly Pick<OpenRuntime, 'programs' | 'versions'>[],
): Promise<Bench['versions']> {
  const versions: Record<string, string> = {}
  for (const runtime of used) Object.assign(versions, runtime.versions)
  for (const program of used.flatMap(({ programs }) => programs)) {
    const [command, ...args] = VERSION_OF[program] ?? []
    const result = command === undefined ? undefined : await tryCommand(command, args).catch(() => undefined)
    const found = /\d+\.\d+[\w.+~-]*/.exec(result?.stdout ?? '')?.[0]
    if (found !== undefined) versions[program] = found
  }
  return versions
}

/** Writes dirty pages, then drops the cache. @returns false: not permitted on this machine */
export async function dropPageCache(): Promise<boolean> {
  await tryCommand('sync', [])
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false,
  )
}
