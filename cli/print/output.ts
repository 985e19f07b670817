/**
 * All that a person sees: results on stdout, everything else on stderr. On a terminal one live line is rewritten in
 * place; elsewhere there are only whole lines. Whatever of a line comes from images, engines or files can't act on the terminal, nor look
 * like a line of ours, nor command the CI system that reads along: here it is made visible.
 */
import { styleText } from 'node:util'
import { visible } from '../../system/text/visible.ts'

export { textTable as table } from '../../report/bench/text-table.ts'
export { bytesText as bytes, msText as duration } from '../../report/bench/units.ts'

/** The live line is rewritten at most this often. */
const LIVE_EVERY_MS = 100
/** In a log: a line after ten seconds, and after an hour every six minutes. */
const LOG_EVERY_MS = 10_000
const LOG_MORE_SELDOM = 0.1

export interface OutputOptions {
  readonly quiet: boolean
  readonly json: boolean
  readonly debug?: boolean
}

/** A text is one line, whatever is in it: several lines are given as several texts. */
export type Lines = string | readonly string[]

/** Stands in front of a line, in its colour where colours are supported. */
export interface Mark {
  readonly text: string
  readonly colour: 'red' | 'yellow' | 'green'
}

export interface Output {
  readonly json: boolean
  /** the command's result, on stdout */
  result(lines: Lines, mark?: Mark): void
  /**
   * On stdout, byte for byte; on a terminal what could act on it is made visible.
   * @returns whether it was written: of what fails on stdout, its own listener tells
   */
  document(text: string): Promise<boolean>
  /** what is in progress; nothing with --quiet */
  note(lines: Lines): void
  /** only with --debug: why something is as it is */
  detail(text: string): void
  warn(text: string): void
  /** replaces the live line; shown on a terminal only. Given lazily, since most are never drawn. */
  live(text: () => string): void
  /**
   * The live line on a terminal; elsewhere a line of its own, but the longer it goes on the more seldom.
   * @param choices.now also where the last one was a moment ago
   */
  progress(text: () => string, choices?: { readonly now?: boolean }): void
  /** what a container printed, as it is, above the live line: as with `docker run`, it has the terminal */
  passThrough(chunk: Buffer): void
  /** ends the live line */
  done(): void
}

export function createOutput(
  options: OutputOptions,
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): Output {
  let shown = 0
  let last = 0
  let first: number | undefined
  let logged = performance.now()
  // Without escape sequences, which NO_COLOR forbids and simple terminals don't know.
  const clear = () => {
    if (shown > 0) stderr.write(`\r${' '.repeat(shown)}\r`)
    shown = 0
  }
  const isLive = !options.quiet && stderr.isTTY && process.env.TERM !== 'dumb'
  return {
    json: options.json,
    result(lines, mark) {
      clear()
      printLines(stdout, lines, mark)
    },
    async document(text) {
      clear()
      if (!stdout.isTTY) return new Promise((resolve) => stdout.write(text, (error) => resolve(!error)))
      printLines(stdout, text.replace(/\n$/, '').split('\n'))
      return true
    },
    note(lines) {
      if (options.quiet) return
      clear()
      printLines(stderr, lines)
    },
    detail(text) {
      if (options.debug) this.note(text)
    },
    warn(text) {
      clear()
      printLines(stderr, text, { text: 'warning: ', colour: 'yellow' })
    },
    live(text) {
      const now = performance.now()
      if (!isLive || now - last < LIVE_EVERY_MS) return
      last = now
      clear()
      const columns = stderr.columns || 80
      stderr.write(cut(visible(text()), columns))
      shown = columns - 1
    },
    progress(text, { now: isDue = false } = {}) {
      if (isLive) return this.live(text)
      const now = performance.now()
      first ??= now
      if (!isDue && now - logged < LOG_EVERY_MS + (now - first) * LOG_MORE_SELDOM) return
      logged = now
      this.note(text())
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
  return text.length < columns ? text : `${text.slice(0, columns - 2)}…`
}

export function printLines(stream: NodeJS.WriteStream, lines: Lines, mark?: Mark): void {
  const front = mark ? styleText(mark.colour, mark.text, { stream }) : ''
  const texts = typeof lines === 'string' ? [lines] : lines
  stream.write(texts.map((text) => `${front}${inert(text, mark)}\n`).join(''))
}

/**
 * A line without commands, neither for a terminal nor for a CI system, which takes `::command::` at the beginning of a line, and `##[command]`
 * or `##vso[command]` anywhere, for its own. What is JSON stays the same JSON.
 */
function inert(text: string, mark: Mark | undefined): string {
  const shown = visible(text).replace(/##(?=\[|vso\[)/gi, '\\u0023#')
  return mark ? shown : shown.replace(/^( *):(?=:)/, '$1\\u003a')
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

/** `1 file`, `12,345 files` */
export const counted = (count: number, noun: string): string =>
  `${thousands(count)} ${noun}${count === 1 ? '' : 's'}`

/** 12345 → `12,345`. (The first `toLocaleString` of a process takes as long as starting it.) */
export const thousands = (count: number): string => String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
