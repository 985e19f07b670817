/**
 * All that a person sees: results on stdout, everything else on stderr. On a terminal one live line is rewritten in
 * place; elsewhere there are only whole lines.
 */
import { stripVTControlCharacters, styleText } from 'node:util'

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

/** 1234567 → `1.2 MB`. Decimal units, as registries and links are sold. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3 + 1e-9))
  const value = count / 1000 ** power
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`
}

/** 1234 → `1.23 s`, 12.3 → `12 ms`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`

/** 12345 → `12,345` */
export const thousands = (count: number): string => count.toLocaleString('en-US')

/** Columns padded to the widest cell. @param text columns of words, to the left; the others are numbers, to the right */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  text: readonly number[] = [0],
): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => (row[column] ?? '').length)),
  )
  const pad = (cell: string, column: number) =>
    text.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return [header, ...rows].map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
