/** JSON from outside: parsed, checked against a schema, and refused in one form that names the field that is wrong. */
import type { z } from 'zod'
import { type ErrorCode, HeadstartError, messageOf } from '../errors.ts'

export interface JsonSubject {
  /** of the error */
  readonly code: ErrorCode
  /** the front of the error's line, e.g. `the config of web:1` */
  readonly what: string
  /** what the document should have been, e.g. `is not a trace of version 1`; `is wrong` by default */
  readonly otherwise?: string
  /** a file of ours that it is easily mistaken for: known by a field, and what it is then */
  readonly mistaken?: { readonly field: string; readonly is: string }
  readonly hint?: string
  /** how many values it may have; `MAX_VALUES` by default */
  readonly maxValues?: number
}

/** A value takes up to two hundred bytes of memory, however few it has in the text: they are counted before they are made. */
const MAX_VALUES = 1 << 23

/** @throws HeadstartError with the subject's code: too many values, not JSON, or not what the schema says */
export function parseJson<T>(text: string, schema: z.ZodType<T>, subject: JsonSubject): T {
  const { maxValues = MAX_VALUES } = subject
  if (hasMore(text, maxValues))
    throw new HeadstartError(subject.code, `${subject.what} has more than ${maxValues} values`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeadstartError(
      subject.code,
      `${subject.what} is not JSON: ${faultIn(text, messageOf(cause))}`,
      {
        cause,
        ...hintOf(subject),
      },
    )
  }
  return checkValue(value, schema, subject)
}

/** Counts what stands before a value; those inside of strings, too. */
function hasMore(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if ((code === COMMA || code === BRACE || code === BRACKET) && ++count > limit) return true
  }
  return false
}

/** @param complaint of the engine, which names a place, or shows the text around it */
function faultIn(text: string, complaint: string): string {
  if (text.trim() === '') return 'it is empty'
  if (/^(Unexpected end|Unterminated)/.test(complaint)) return 'it ends too early'
  const [, at, line, column] = /at position (\d+) \(line (\d+) column (\d+)\)$/.exec(complaint) ?? []
  if (Number(at) >= text.trimEnd().length) return 'it ends too early'
  if (line !== undefined) return `line ${line}, column ${column}`
  const [, token, around] = /^Unexpected token (.+?), (.+) is not valid JSON$/s.exec(complaint) ?? []
  return token === undefined ? complaint : `unexpected ${token} in ${around}`
}

/** For text that may be half written, or not ours. @returns undefined: too many values, not JSON, or not what the schema says */
export function jsonIf<T>(text: string, schema: z.ZodType<T>): T | undefined {
  if (hasMore(text, MAX_VALUES)) return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** @throws HeadstartError with the subject's code, naming the first field that is wrong */
export function checkValue<T>(value: unknown, schema: z.ZodType<T>, subject: JsonSubject): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { mistaken } = subject
  if (mistaken && typeof value === 'object' && value !== null && mistaken.field in value)
    throw new HeadstartError(subject.code, `${subject.what} is ${mistaken.is}`, { cause: result.error })
  const [issue] = result.error.issues
  const field = cut(issue?.path.join('.') || 'the whole document')
  const { code, what, otherwise = 'is wrong' } = subject
  throw new HeadstartError(code, `${what} ${otherwise}: ${field}: ${issue?.message ?? ''}`, {
    cause: result.error,
    ...hintOf(subject),
  })
}

/** The name of a field is as long as who wrote it likes. */
const cut = (name: string): string => (name.length > 200 ? `${name.slice(0, 200)}…` : name)

/** Brackets that are open in text, at most; nothing is parsed. What nests deeper than a few thousand can be read, but not written again. */
export function depthOf(text: string): number {
  let [depth, deepest, isInString] = [0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) isInString = !isInString
    else if (isInString) at += code === BACKSLASH ? 1 : 0
    else if (code === BRACE || code === BRACKET) deepest = Math.max(deepest, ++depth)
    else if (code === BRACE + 2 || code === BRACKET + 2) depth--
  }
  return deepest
}

const [QUOTE, COMMA, BACKSLASH, BRACKET, BRACE] = [0x22, 0x2c, 0x5c, 0x5b, 0x7b]

const hintOf = ({ hint }: JsonSubject): { hint?: string } => (hint === undefined ? {} : { hint })
