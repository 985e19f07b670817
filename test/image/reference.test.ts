/** References and locations: Docker's defaults, and the position of every fault. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { familiarName, formatReference, parseReference } from '../../image/reference.ts'
import { HeadstartError } from '../../system/errors.ts'

const HEX = 'a'.repeat(64)

test.each([
  ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
  ['index.docker.io/me/app:1', 'docker.io/me/app:1', 'me/app:1'],
  ['me/app', 'docker.io/me/app:latest', 'me/app:latest'],
  ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['localhost:5000/app', 'localhost:5000/app:latest', 'localhost:5000/app:latest'],
  ['127.0.0.1:5000/a/b/c:v1.2_3-4', '127.0.0.1:5000/a/b/c:v1.2_3-4', '127.0.0.1:5000/a/b/c:v1.2_3-4'],
  ['[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest'],
  ['[fe80::1]/app:x', '[fe80::1]/app:x', '[fe80::1]/app:x'],
  ['Registry/app', 'Registry/app:latest', 'Registry/app:latest'],
  ['a__b/c-d/e.f---g', 'docker.io/a__b/c-d/e.f---g:latest', 'a__b/c-d/e.f---g:latest'],
  [`app@sha256:${HEX}`, `docker.io/library/app@sha256:${HEX}`, `app@sha256:${HEX}`],
  [`r.io/app:1@sha256:${HEX}`, `r.io/app:1@sha256:${HEX}`, `r.io/app:1@sha256:${HEX}`],
])('%s', (text, full, familiar) => {
  const reference = parseReference(text)
  expect(formatReference(reference)).toBe(full)
  expect(familiarName(reference)).toBe(familiar)
  expect(parseReference(formatReference(reference))).toEqual(reference)
})

test.each([
  ['', 'at its end: it is empty'],
  ['App', 'position 1, "A": repository names are lower case'],
  ['me/aPp', 'position 5, "P"'],
  ['me//app', 'position 4, "/": a part of the name is empty'],
  ['me/', 'at its end: a part'],
  ['me/a b', 'position 5, " "'],
  ['-app', 'position 1, "-": one of'],
  ['app-', 'position 4, "-"'],
  ['a..b', 'position 2, "."'],
  ['a___b', 'position 2, "_"'],
  ['a.-b', 'position 2, "."'],
  ['app:', 'at its end: the tag is empty'],
  ['app:-x', 'position 5, "-"'],
  ['app:a:b', 'position 6, ":"'],
  [`app:${'x'.repeat(129)}`, 'position 133'],
  ['app@', 'a digest starts with sha256:'],
  ['app@sha256:12', 'a sha256 digest has 64 hex digits, not 2'],
  [`app@sha256:${'A'.repeat(64)}`, 'position 12, "A"'],
  [`app@md5:${HEX}`, 'position 5, "m"'],
  ['r.io:port/app', 'position 6, "p": a port'],
  ['r.io:70000/app', 'position 6, "7"'],
  ['r..io/app', 'position 3, ".": a part of the host'],
  ['-r.io/app', 'position 1, "-"'],
  ['[::1/app', 'position 1, "["'],
  ['[::1]x/app', 'position 6, "x"'],
  [HEX, 'an image ID'],
  [`r.io/${'a/'.repeat(130)}a`, 'longer than 255'],
])('refuses %j', (text, why) => {
  expect(() => parseReference(text)).toThrow(why)
})

/** The grammar as the distribution writes it down, with Docker's rule of what is a host. */
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`
const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const REST = `${PART}(?:/${PART})*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?`
const withHost = new RegExp(`^${DOMAIN}/${REST}$`)
const withoutHost = new RegExp(`^${REST}$`)

function isReference(text: string): boolean {
  const first = text.slice(0, Math.max(0, text.split('@')[0]?.indexOf('/') ?? 0))
  const isHost = /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  return (isHost ? withHost : withoutHost).test(text)
}

test('random texts: what the grammar takes we take, and nothing else', () => {
  const piece = fc.constantFrom(
    'a',
    'b0',
    'A',
    '0',
    '.',
    '-',
    '_',
    '__',
    '/',
    ':',
    '[',
    ']',
    '::1',
    'localhost',
    ':5',
    '@',
    `@sha256:${HEX}`,
  )
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      (text) => {
        let taken = true
        try {
          const reference = parseReference(text)
          expect(parseReference(formatReference(reference))).toEqual(reference)
        } catch (error) {
          if (!(error instanceof HeadstartError) || error.code !== 'E_REFERENCE') throw error
          taken = false
        }
        expect(`${text} ${taken}`).toBe(`${text} ${isReference(text)}`)
      },
    ),
    { numRuns: 20_000 },
  )
})
