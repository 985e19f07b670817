/** What manifests and configs have in common as JSON from outside: their size is bounded before anything is parsed, and parts of their schemas. */
import { z } from 'zod'
import { HeadstartError, messageOf } from '../system/errors.ts'
import { depthOf, type JsonSubject, parseJson } from '../system/text/json.ts'
import { parseDigest } from './digest.ts'
import type { Digest } from './types.ts'

/** of lists and objects in each other */
const MAX_DEPTH = 500

export const digestSchema = z.string().transform((text, context): Digest => {
  try {
    return parseDigest(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) })
    return z.NEVER
  }
})

/** Go writes what is not there as null. */
export const nullable = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined)
export const list = <T extends z.ZodType>(schema: T) =>
  z
    .array(schema)
    .nullish()
    .transform((value) => value ?? [])

/** @throws HeadstartError E_TOO_LARGE, or with the subject's code */
export function parseBounded(bytes: Uint8Array, limit: number, subject: JsonSubject): unknown {
  if (bytes.length > limit)
    throw new HeadstartError('E_TOO_LARGE', `${subject.what} is larger than ${limit} bytes`)
  const text = textOf(bytes, subject)
  if (depthOf(text) > MAX_DEPTH)
    throw new HeadstartError(subject.code, `${subject.what} is nested more than ${MAX_DEPTH} levels deep`)
  return parseJson(text, z.unknown(), subject)
}

/** @throws HeadstartError with the subject's code: not UTF-8 */
function textOf(bytes: Uint8Array, { code, what }: JsonSubject): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new HeadstartError(code, `${what} is not JSON: ${messageOf(cause)}`, { cause })
  }
}
