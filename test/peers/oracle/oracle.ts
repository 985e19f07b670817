/**
 * Runs the Go program beside it, which judges our layers with the format's own library: Debian's, and the newest release.
 * A layer is right when every one of them says so.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { buildGo } from '../../../scripts/support/go.ts'
import { buildWithNewest } from '../../../scripts/support/newest.ts'
import { type PeerSet, peerSets } from '../../../scripts/support/peers.ts'
import { tryCommand } from '../../../system/process/command.ts'

/** @returns the program's path */
export const buildOracle = (set: PeerSet = 'debian'): Promise<string> =>
  set === 'debian' ? buildGo(import.meta.dirname) : buildWithNewest(import.meta.dirname)

/** What is special about a layer. */
export interface Judged {
  /** a file: the table of contents that is not in the blob. The newest library alone knows such */
  readonly externalToc?: string
  /** It is to have no landmark. */
  readonly noLandmark?: boolean
}

const special = ({ externalToc = '-', noLandmark = false }: Judged): string[] => [
  externalToc,
  ...(noLandmark ? ['no-landmark'] : []),
]

const knows = (set: PeerSet, { externalToc }: Judged): boolean =>
  set === 'newest' || externalToc === undefined

/** @returns the faults, one a line; empty when libraries and tar agree in everything */
export async function judge(
  blob: string,
  tocDigest: string,
  originalTar: string,
  layer: Judged = {},
): Promise<string> {
  const faults: string[] = []
  for (const set of peerSets.filter((each) => knows(each, layer))) {
    const args = ['check', blob, tocDigest, originalTar, ...special(layer)]
    const { status, stdout, stderr } = await tryCommand(await buildOracle(set), args)
    if (status !== 0) faults.push(`${set}: ${stdout}${stderr}`)
  }
  return faults.join('\n')
}

/** Processes that answer thousands of questions. */
export interface Oracle extends AsyncDisposable {
  /** As `judge`. */
  judge(blob: string, tocDigest: string, originalTar: string, layer?: Judged): Promise<string>
  /** A layer as a library writes it, each of them in its turn. @returns its TOC's digest */
  build(tar: string, blob: string, chunkSize: number, first: readonly string[]): Promise<string>
}

export async function startOracle(): Promise<Oracle> {
  const all: { set: PeerSet; oracle: Oracle }[] = []
  for (const set of peerSets) all.push({ set, oracle: await startOne(set) })
  let turn = 0
  return {
    async judge(...question) {
      const able = all.filter(({ set }) => knows(set, question[3] ?? {}))
      const answers = able.map(async ({ set, oracle }) => {
        const fault = await oracle.judge(...question)
        return fault === '' ? [] : [`${set}: ${fault}`]
      })
      return (await Promise.all(answers)).flat().join('\n')
    },
    async build(...question) {
      const next = all[turn++ % all.length]
      if (!next) throw new Error('no oracle')
      return next.oracle.build(...question)
    },
    async [Symbol.asyncDispose]() {
      for (const { oracle } of all) await oracle[Symbol.asyncDispose]()
    },
  }
}

async function startOne(set: PeerSet): Promise<Oracle> {
  const child = spawn(await buildOracle(set), ['serve'], { stdio: ['pipe', 'pipe', 'inherit'] })
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
    async judge(blob, tocDigest, originalTar, layer = {}) {
      const { isFault, text } = await ask(['check', blob, tocDigest, originalTar, ...special(layer)])
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
