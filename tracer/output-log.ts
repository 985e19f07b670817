/** A container's output as it comes: lines for readiness, and the last ones for an error. Bounded, whatever the container writes. */
import { StringDecoder } from 'node:string_decoder'
import type { OutputStream } from './engine/types.ts'
import { monotonicMs } from './fuse/recording.ts'

const MAX_LINE = 64 << 10
const MAX_EARLY_LINES = 10_000
const TAIL_LINES = 5
const TAIL_WIDTH = 160

type LineListener = (line: string, at: number) => void

export interface OutputLog {
  write(stream: OutputStream, chunk: Buffer): void
  /**
   * Called with every whole line, and with the beginning of one that has no end yet; `at` is when it came, monotonic ms. Lines that came
   * before the first listener are told to it.
   */
  onLine(listener: LineListener): void
  /** the last lines that are not empty, in one line, without `secrets` */
  tail(secrets: readonly string[]): string
}

export function createOutputLog(): OutputLog {
  const partial = { stdout: '', stderr: '' }
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  const listeners: LineListener[] = []
  /** A container may say that it is ready before the engine says that it runs. */
  let early: { line: string; at: number }[] = []
  const last: string[] = []
  const tell = (line: string) => {
    const at = monotonicMs()
    for (const listener of listeners) listener(line, at)
    if (listeners.length === 0 && early.length < MAX_EARLY_LINES) early.push({ line, at })
  }
  return {
    write(stream, chunk) {
      const lines = (partial[stream] + decoders[stream].write(chunk)).split(/\r?\n/)
      partial[stream] = (lines.pop() ?? '').slice(-MAX_LINE)
      for (const line of lines) {
        tell(line)
        if (line.trim() === '') continue
        last.push(line.slice(0, MAX_LINE))
        if (last.length > TAIL_LINES) last.shift()
      }
      if (partial[stream] !== '') tell(partial[stream])
    },
    onLine(listener) {
      listeners.push(listener)
      for (const { line, at } of early) listener(line, at)
      early = []
    },
    tail(secrets) {
      const lines = [...last, partial.stdout, partial.stderr].filter((line) => line.trim() !== '')
      const text = lines.slice(-TAIL_LINES).map((line) => hide(line, secrets).trim().slice(0, TAIL_WIDTH))
      return text.join(' | ')
    },
  }
}

/** Shorter values would hide half the text. */
const MIN_SECRET = 4

function hide(line: string, secrets: readonly string[]): string {
  return (
    secrets
      .filter((secret) => secret.length >= MIN_SECRET)
      .reduce((text, secret) => text.replaceAll(secret, '***'), line)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and cursor moves don't belong in an error
      .replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]/g, '')
  )
}
