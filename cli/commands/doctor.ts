/** `headstart doctor`: does this machine have what headstart needs, and did killed runs leave anything behind? */
import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { sweepers } from '../../report/bench/runtime/sweepers.ts'
import { staleWorkspaces } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import { engines } from '../../tracer/container/index.ts'
import type { CliContext } from '../context.ts'
import type { Mark } from '../print/output.ts'

interface Finding {
  readonly name: string
  readonly fault: string | undefined
}

const OK: Mark = { text: 'ok  ', colour: 'green' }
const NO: Mark = { text: 'no  ', colour: 'yellow' }

export function register(command: Command, context: CliContext): void {
  command
    .option('--clean', 'remove the mounts, containers and folders that killed runs left behind', false)
    .action(async ({ clean }: { clean: boolean }) => {
      const output = context.output()
      for (const { name, fault } of await examine())
        output.result(`${name}${fault === undefined ? '' : `: ${fault}`}`, fault === undefined ? OK : NO)
      const stale = clean ? await sweep(sweepers) : await staleWorkspaces()
      for (const { folder } of stale)
        output.result(
          clean
            ? `removed ${folder}`
            : `left by a killed run: ${folder} (headstart doctor --clean removes it)`,
        )
    })
}

async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [
    { name: 'root', fault: process.getuid?.() === 0 ? undefined : 'mounting needs root; run with sudo' },
    {
      name: 'FUSE',
      fault: await access('/dev/fuse').then(
        () => undefined,
        () => '/dev/fuse does not exist; load the kernel module with: modprobe fuse',
      ),
    },
    { name: 'libfuse', fault: await libraryFault() },
  ]
  for (const engine of Object.values(engines))
    findings.push({ name: `engine ${engine.name}`, fault: await engine.unavailable() })
  return findings
}

/** Loading it is the only sure test: where libraries are differs between distributions. */
async function libraryFault(): Promise<string | undefined> {
  try {
    await import('fuse-native')
    return undefined
  } catch {
    return 'libfuse.so.2 is missing; install libfuse2, or record with --fuse kernel'
  }
}
