/** Builds and runs the Go program beside it, which judges our layers with the format's own library. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand, tryCommand } from '../../../image/command.ts'

let built: Promise<string> | undefined

/** @returns the program's path. Built once a test file; needs Debian's golang-go and the library's package. */
export function buildOracle(): Promise<string> {
  built ??= build()
  return built
}

async function build(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hs-oracle-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'oracle')
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' }
  await runCommand('go', ['build', '-o', program, '.'], { cwd: import.meta.dirname, env })
  return program
}

/** @returns the faults, one a line; empty when library and tar agree in everything */
export async function judge(blob: string, tocDigest: string, originalTar: string): Promise<string> {
  const { status, stdout, stderr } = await tryCommand(await buildOracle(), [
    'check',
    blob,
    tocDigest,
    originalTar,
  ])
  return status === 0 ? '' : stdout + stderr
}
