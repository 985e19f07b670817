/** Names of images in `fleet.yaml`: repositories and tags, literal or globs, and the pattern of targets. Pure. */
import picomatch from 'picomatch'
import { parseReference } from '../../image/reference.ts'
import { messageOf } from '../../system/errors.ts'

/** An image by its tag. */
export interface Named {
  readonly host: string
  readonly repository: string
  readonly tag: string
}

export const nameOf = ({ host, repository, tag }: Named): string => `${host}/${repository}:${tag}`

/** Repositories of one registry: one, or those that a glob matches. */
export interface Repositories {
  readonly host: string
  readonly pattern: string
  /** it is a name, and needs no catalog */
  readonly isLiteral: boolean
}

const GLOB = /[*?[\]{}()!+@]/
export const isGlob = (text: string): boolean => GLOB.test(text)

/** @param defaultHost of names without one; Docker Hub if there is none */
export function repositoriesIn(text: string, defaultHost: string | undefined): Repositories {
  const [first = '', ...rest] = text.split('/')
  const isHost = rest.length > 0 && !isGlob(first) && (/[.:]/.test(first) || first === 'localhost')
  const full = isHost || defaultHost === undefined ? text : `${defaultHost}/${text}`
  if (!isGlob(full)) {
    const { host, repository } = parseReference(full)
    return { host, pattern: repository, isLiteral: true }
  }
  const host = isHost ? first : (defaultHost ?? 'docker.io')
  return { host, pattern: isHost ? rest.join('/') : text, isLiteral: false }
}

export const faultOfHost = (text: string): string | undefined =>
  faultOf(() => parseReference(`${text}/x`)) ??
  (parseReference(`${text}/x`).host === text ? undefined : `${JSON.stringify(text)} is not a registry's host`)

/** @returns what is wrong with it; undefined: nothing */
export function faultOfRepository(text: string): string | undefined {
  if (/[:@][^/]*$/.test(text.replace(/^[^/]*\//, '/')))
    return `${JSON.stringify(text)} has a tag or a digest: tags are given apart`
  return isGlob(text) ? faultOfGlob(text) : faultOf(() => parseReference(text))
}

export function faultOfGlob(text: string): string | undefined {
  if (text === '' || /\s/.test(text)) return `${JSON.stringify(text)} is not a name, nor a pattern of names`
  return faultOf(() => picomatch.makeRe(text, STRICT))
}

function faultOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** A leading dot hides nothing in a registry. */
const STRICT = { dot: true, strictBrackets: true } as const

/** None matches nothing. */
export function matcher(globs: readonly string[]): (text: string) => boolean {
  return globs.length === 0 ? () => false : picomatch([...globs], { dot: true })
}

const HOLES = /\{([^{}]*)\}/g
const KNOWN = ['registry', 'repository', 'tag']

export function faultOfTarget(pattern: string): string | undefined {
  const holes = [...pattern.matchAll(HOLES)].map(([, name = '']) => name)
  const unknown = holes.find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) return `a target has no {${unknown}}: it has {registry}, {repository} and {tag}`
  for (const needed of ['repository', 'tag'])
    if (!holes.includes(needed)) return `a target needs {${needed}}, so that two images have two targets`
  return faultOf(() => targetOf(pattern, { host: 'registry.example', repository: 'a', tag: 'b' }))
}

/** Where its product goes; the same registry unless the pattern names another. @throws HeadstartError E_REFERENCE */
export function targetOf(pattern: string, image: Named): Named {
  const values: Readonly<Record<string, string>> = { ...image, registry: image.host }
  const filled = pattern.replace(HOLES, (_, name: string) => values[name] ?? '')
  const {
    host,
    repository,
    tag = 'latest',
  } = parseReference(hasHost(pattern) ? filled : `${image.host}/${filled}`)
  return { host, repository, tag }
}

function hasHost(pattern: string): boolean {
  const [first = '', second] = pattern.split('/')
  return (
    second !== undefined &&
    (first === '{registry}' || /[.:]/.test(first.replace(HOLES, '')) || first === 'localhost')
  )
}

/** Tags that clients keep for what is attached to a digest, and the tables of contents beside an image. */
const KEPT = /^sha256-[0-9a-f]{64}(\.|$)|-esgztoc$/

/** Whether an image is what would be made of another one by this pattern, or goes with an image: such a thing is no source. */
export function isProduct(pattern: string, image: Named): boolean {
  if (KEPT.test(image.tag)) return true
  const full = hasHost(pattern) ? pattern : `{registry}/${pattern}`
  const hole = holes()
  const parts = full.split(HOLES).map((part, index) => (index % 2 === 0 ? escaped(part) : hole(part)))
  const found = new RegExp(`^${parts.join('')}$`).exec(nameOf(image))
  if (!found) return false
  const { registry = image.host, repository, tag } = found.groups ?? {}
  return registry !== image.host || repository !== image.repository || tag !== image.tag
}

const escaped = (part: string): string => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)

const IN_HOLES: Readonly<Record<string, string>> = { registry: '[^/]+', repository: '[^:]+', tag: '[^/:]+' }

/** The same text wherever the same name stands. */
function holes(): (name: string) => string {
  const seen = new Set<string>()
  return (name) => {
    if (seen.has(name)) return `\\k<${name}>`
    seen.add(name)
    return `(?<${name}>${IN_HOLES[name] ?? ''})`
  }
}
