/**
 * All that a person sees: results on stdout, everything else on stderr. On a terminal one live line is rewritten in
 * place; elsewhere there are only whole lines.
 */
import { stripVTControlCharacters, styleText } from 'node:util'

export { bytesText as bytes, msText as duration } from '../report/bench/units.ts'
export { textTable as table } from '../report/text-table.ts'

/** What a status line shows: rewritten at most so often. */
const LIVE_EVERY_MS = 100

export interface OutputOptions {
  readonly quiet: boolean
  readonly json: boolean
}

export interface Output {
  readonly json: boolean
  /** the command's result, on stdout */
  result(text: string): void
  /** a line of what is going on; none with --quiet */
  note(text: string): void
  warn(text: string): void
  /** replaces the live line; shown on a terminal only. Given lazily, since most are never drawn. */
  live(text: () => string): void
  /** what a container printed, as it is, above the live line */
  passThrough(chunk: Buffer): void
  /** ends the live line */
  done(): void
}

export function createOutput(
  options: OutputOptions,
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): Output {
  let shown = false
  let last = 0
  const clear = () => {
    if (shown) stderr.write('\r\x1b[K')
    shown = false
  }
  const line = (text: string) => {
    clear()
    stderr.write(`${text}\n`)
  }
  return {
    json: options.json,
    result(text) {
      clear()
      stdout.write(`${text}\n`)
    },
    note(text) {
      if (!options.quiet) line(text)
    },
    warn(text) {
      line(`${style('yellow', 'warning:', stderr)} ${text}`)
    },
    live(text) {
      const now = performance.now()
      if (options.quiet || !stderr.isTTY || now - last < LIVE_EVERY_MS) return
      last = now
      clear()
      stderr.write(cut(text(), stderr.columns || 80))
      shown = true
    },
    passThrough(chunk) {
      if (options.quiet) return
      clear()
      stderr.write(chunk)
    },
    done: clear,
  }
}

/** Cut to the terminal's width, so that the line can be rewritten. */
function cut(text: string, columns: number): string {
  return stripVTControlCharacters(text).length < columns ? text : `${text.slice(0, columns - 2)}…`
}

export function style(
  format: Parameters<typeof styleText>[0],
  text: string,
  stream: NodeJS.WriteStream,
): string {
  return styleText(format, text, { stream })
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

/** `1 file`, `12,345 files` */
export const counted = (count: number, noun: string): string =>
  `${thousands(count)} ${noun}${count === 1 ? '' : 's'}`

/** 12345 → `12,345` */
export const thousands = (count: number): string => count.toLocaleString('en-US')
