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

/** Of the programs that the runtimes use. */
export async function programVersions(
  used: readonly Pick<OpenRuntime, 'programs' | 'versions'>[],
): Promise<Bench['versions']> {
  const versions: Record<string, string> = {}
  for (const runtime of used) Object.assign(versions, runtime.versions)
  for (const program of used.flatMap(({ programs }) => programs)) {
    const found = await programVersion(program)
    if (found !== undefined) versions[program] = found
  }
  return versions
}

/** @returns undefined: it can't be run, or doesn't say */
export async function programVersion(program: string): Promise<string | undefined> {
  const { stdout } = await tryCommand(program, ['--version']).catch(() => ({ stdout: '' }))
  return /\d+\.\d+[\w.+~-]*/.exec(stdout)?.[0]
}

/** Writes dirty pages, then drops the cache. @returns false: not permitted on this machine */
export async function dropPageCache(): Promise<boolean> {
  await tryCommand('sync', [])
  return writeFile('/proc/sys/vm/drop_caches', '3').then(
    () => true,
    () => false,
  )
}
