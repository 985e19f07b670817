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
  const content = contentOf(document, name)
  if (content === null) throw faultAt(name, { line: 1, column: 1 }, 'it is empty')
  const parsed = schema.safeParse(content, { error: inWords })
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

/**
 * What is wrong, and where: of an unknown key the key itself, since it may be what is missing, spelt wrongly; of several forms that are possible
 * the one that went furthest.
 */
function deepest(issues: readonly z.core.$ZodIssue[]): Issue {
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys')
  const [first] = (unknown ? [unknown] : issues).map(issueOf)
  return first ?? { path: [], message: 'it is wrong' }
}

function issueOf(issue: z.core.$ZodIssue): Issue {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return { path: [...issue.path, key], message: issue.message }
  }
  if (issue.code === 'invalid_union') {
    const inner = issue.errors
      .map((each) => deepest(each))
      .toSorted((a, b) => b.path.length - a.path.length)[0]
    if (inner && inner.path.length > 0)
      return { path: [...issue.path, ...inner.path], message: inner.message }
  }
  return issue
}

const FORMS: Readonly<Record<string, string>> = {
  array: 'a list',
  int: 'a whole number',
  number: 'a number',
  object: 'settings, each with its name',
  string: 'text',
}

/** What the schema itself says in a library's words. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  const { code, input, path = [] } = issue
  const key = String(path.at(-1) ?? 'fleet.yaml')
  switch (code) {
    case 'unrecognized_keys':
      return `there is no setting ${JSON.stringify(issue.keys[0])} here`
    case 'invalid_type':
      return input === undefined
        ? `${key} is missing`
        : `${inList(key)} is to be ${FORMS[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `${inList(key)} is to be ${issue.values.join(', or ')}`
    case 'too_small':
      return issue.origin === 'array'
        ? `${inList(key)} is empty`
        : `${inList(key)} is to be ${issue.minimum} or more`
    case 'too_big':
      return issue.origin === 'array'
        ? `${inList(key)} has more than ${issue.maximum} members`
        : issue.origin === 'string'
          ? `${inList(key)} has more than ${issue.maximum} characters`
          : `${inList(key)} is to be ${issue.maximum} or less`
    default:
      return undefined
  }
}

/** A member of a list has no name. */
const inList = (key: string): string => (/^\d+$/.test(key) ? 'this' : key)

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
