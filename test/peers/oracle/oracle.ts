/** Runs the Go program beside it, which judges our layers with the format's own library. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { buildGo } from '../../../scripts/support/go.ts'
import { tryCommand } from '../../../system/command.ts'

/** @returns the program's path */
export const buildOracle = (): Promise<string> => buildGo(import.meta.dirname)

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

/** One process that answers thousands of questions. */
export interface Oracle extends AsyncDisposable {
  /** As `judge`. */
  judge(blob: string, tocDigest: string, originalTar: string): Promise<string>
  /** A layer as the library writes it. @returns its TOC's digest */
  build(tar: string, blob: string, chunkSize: number, first: readonly string[]): Promise<string>
}

export async function startOracle(): Promise<Oracle> {
  const child = spawn(await buildOracle(), ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let last: Promise<unknown> = Promise.resolve()
  const ask = (fields: readonly string[]): Promise<{ isFault: boolean; text: string }> => {
    const answer = last.then(async () => {
      child.stdin.write(`${fields.join('\t')}\n`, 'latin1')
      const { value = '' } = await answers.next()
      const [, kind, text = ''] = /^(ok|fault) (.*)$/s.exec(value) ?? []
      if (kind === undefined) throw new Error('the oracle ended')
      return { isFault: kind === 'fault', text: String(JSON.parse(text)) }
    })
    last = answer.catch(() => {})
    return answer
  }
  return {
    async judge(blob, tocDigest, originalTar) {
      const { isFault, text } = await ask(['check', blob, tocDigest, originalTar])
      return isFault ? text : ''
    },
    async build(tar, blob, chunkSize, first) {
      const { isFault, text } = await ask(['build', tar, blob, String(chunkSize), ...first])
      if (isFault) throw new Error(text)
      return text
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
