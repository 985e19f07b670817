/** A YAML document whose every fault is told with its line and column: those of the text, and those that a schema finds in what it says. */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml'
import type { z } from 'zod'
import { HeadstartError } from '../../system/errors.ts'

/** However often the text refers to the same part of itself. */
const MAX_ALIASES = 100

/** Where something stands: both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface Located<T> {
  readonly value: T
  /** of what a path leads to, or of what is nearest to it */
  placeOf(path: readonly PropertyKey[]): Place
}

/**
 * @param name of the file, for errors
 * @throws HeadstartError E_FLEET: `fleet.yaml:3:5: …`, the first fault
 */
export function parseYaml<T>(text: string, name: string, schema: z.ZodType<T>): Located<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    version: '1.2',
    strict: true,
  })
  const [fault] = [...document.errors, ...document.warnings]
  if (fault) throw faultAt(name, placeAt(lines, fault.pos[0]), plain(fault))
  const placeOf = (path: readonly PropertyKey[]) => placeAt(lines, offsetOf(document, path))
  const parsed = schema.safeParse(contentOf(document, name))
  if (parsed.success) return { value: parsed.data, placeOf }
  const issue = deepest(parsed.error.issues)
  throw faultAt(name, placeOf(issue.path), issue.message)
}

export const faultAt = (name: string, { line, column }: Place, what: string): HeadstartError =>
  new HeadstartError('E_FLEET', `${name}:${line}:${column}: ${what}`)

/** @throws HeadstartError E_FLEET: it refers to itself too often */
function contentOf(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (cause) {
    throw new HeadstartError('E_FLEET', `${name}: it refers to parts of itself too often`, { cause })
  }
}

/** Its first sentence: some go on about the parser's options. */
const plain = ({ message }: YAMLError): string => message.split('\n')[0] ?? message

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** What is wrong, and where: of an unknown key the key itself; of several forms that are possible the one that went furthest. */
function deepest(issues: readonly z.core.$ZodIssue[]): Issue {
  const [first] = issues.map(issueOf)
  return first ?? { path: [], message: 'it is wrong' }
}

function issueOf(issue: z.core.$ZodIssue): Issue {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return { path: [...issue.path, key], message: `there is no setting ${JSON.stringify(key)} here` }
  }
  if (issue.code === 'invalid_union') {
    const inner = issue.errors
      .map((each) => deepest(each))
      .toSorted((a, b) => b.path.length - a.path.length)[0]
    if (inner && inner.path.length > 0)
      return { path: [...issue.path, ...inner.path], message: inner.message }
  }
  const key = issue.path.at(-1)
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined
  return { path: issue.path, message: isMissing ? `${String(key)} is missing` : issue.message }
}

/** Of a key that stands there, the key; of what is missing, what it would be in. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let at: unknown = document.contents
  let offset = startOf(at) ?? 0
  for (const [index, step] of path.entries()) {
    const pair = isMap(at) ? at.items.find((each) => keyOf(each) === String(step)) : undefined
    if (pair && index === path.length - 1) return startOf(pair.key) ?? offset
    at = pair
      ? pair.value
      : isNode(at) && 'get' in at
        ? document.getIn(path.slice(0, index + 1), true)
        : undefined
    const start = startOf(at)
    if (start === undefined) return offset
    offset = start
  }
  return offset
}

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key)

const startOf = (node: unknown): number | undefined => (isNode(node) ? rangeOf(node) : undefined)

const rangeOf = ({ range }: Node): number | undefined => range?.[0]
