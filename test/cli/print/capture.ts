/** An output that keeps what it is given. */
import type { Lines, Output } from '../../../cli/print/output.ts'

export interface Captured {
  readonly output: Output
  readonly results: readonly string[]
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
  /** each live line as it would be drawn */
  readonly live: readonly string[]
}

const adder = (list: string[]) => (lines: Lines) => {
  list.push(...[lines].flat())
}

export function captured(): Captured {
  const results: string[] = []
  const notes: string[] = []
  const warnings: string[] = []
  const live: string[] = []
  const output: Output = {
    json: false,
    result: adder(results),
    document: async (text) => results.push(text) > 0,
    note: adder(notes),
    warn: adder(warnings),
    live: (text) => {
      live.push(text())
    },
    progress: (text) => {
      live.push(text())
    },
    detail: () => {},
    passThrough: () => {},
    done: () => {},
  }
  return { output, results, notes, warnings, live }
}
