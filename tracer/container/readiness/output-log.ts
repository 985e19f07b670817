/** A container's output as it arrives: searched for the line that says it is ready, with the last lines kept for errors. Memory is bounded. */
import { StringDecoder } from 'node:string_decoder'
import { monotonicMs } from '../../../system/clock.ts'
import { hide } from '../../../system/text/secrets.ts'
import type { OutputStream } from '../types.ts'

const MAX_LINE = 64 << 10
const TAIL_LINES = 5
const TAIL_WIDTH = 160
/** Stands for what was cut off, so that no pattern mistakes the rest for the start of a line. */
const CUT = '…'

export interface OutputLog {
  write(stream: OutputStream, chunk: Buffer): void
  /** when the pattern first matched a line, or the start of an unfinished one: monotonic ms */
  readonly matched: Promise<number>
  /** the last lines that are not empty, in one line, without `secrets` */
  tail(secrets: readonly string[]): string
}

/** An unfinished line. */
interface Open {
  text: string
  /** its start, once that has been cut off */
  head: string | undefined
  readonly decoder: StringDecoder
}

const open = (): Open => ({ text: '', head: undefined, decoder: new StringDecoder('utf8') })

/** @param pattern searched for from the first byte: a container may be ready before its engine says that it is running */
export function createOutputLog(pattern?: RegExp): OutputLog {
  const streams = { stdout: open(), stderr: open() }
  const last: string[] = []
  const { promise: matched, resolve } = Promise.withResolvers<number>()
  const test = pattern && matcher(pattern)
  const look = (line: string) => {
    if (test?.(line)) resolve(monotonicMs())
  }
  const keep = (line: string) => {
    if (line.trim() === '') return
    last.push(line.slice(0, MAX_LINE))
    if (last.length > TAIL_LINES) last.shift()
  }
  return {
    matched,
    write(stream, chunk) {
      const current = streams[stream]
      // A lone \r starts a new line, too: it overwrites what was there.
      const lines = (current.text + current.decoder.write(chunk)).split(/\r\n|[\r\n]/)
      const rest = lines.pop() ?? ''
      for (const line of lines) {
        look(line)
        keep(current.head ?? line)
        current.head = undefined
      }
      if (rest !== '') look(rest)
      if (rest.length > MAX_LINE) current.head ??= rest.slice(0, MAX_LINE)
      current.text = rest.length > MAX_LINE ? CUT + rest.slice(-MAX_LINE) : rest
    },
    tail(secrets) {
      const partial = Object.values(streams).map(({ head, text }) => head ?? text)
      const lines = [...last, ...partial].map((line) => hide(plain(line), secrets).trim())
      const shown = lines.filter((line) => line !== '').slice(-TAIL_LINES)
      return shown.map((line) => line.slice(0, TAIL_WIDTH)).join(' | ')
    },
  }
}

/** Tests what a person sees of a line, and also the raw line, for patterns that include escape sequences. */
function matcher(pattern: RegExp): (line: string) => boolean {
  const test = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')) // those keep state between tests
  return (line) => {
    const seen = plain(line)
    return test.test(seen) || (seen !== line && test.test(line))
  }
}

/** Colours, titles, links, cursor moves; then the remaining control characters except tab. Source: ECMA-48, 5.4 and 5.6. */
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g

const plain = (line: string): string => line.replace(ESCAPES, '')
