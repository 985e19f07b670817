/** Transports and what follows them. */
import { expect, test } from 'vitest'
import { inEngine, parseLocation } from '../../image/location.ts'

const HEX = 'a'.repeat(64)

test.each([
  ['docker://r.io/app:1', { transport: 'docker' }],
  ['docker-daemon:app', { transport: 'docker-daemon' }],
  [`docker-daemon:sha256:${HEX}`, { transport: 'docker-daemon', reference: `sha256:${HEX}` }],
  ['oci:out', { transport: 'oci', path: 'out', tag: undefined, digest: undefined }],
  ['oci:/a/b:v1', { transport: 'oci', path: '/a/b', tag: 'v1' }],
  ['oci:out:localhost/app:1', { transport: 'oci', path: 'out', tag: 'localhost/app:1' }],
  [`oci:out@sha256:${HEX}`, { transport: 'oci', path: 'out', digest: `sha256:${HEX}` }],
  ['oci-archive:x.tar', { transport: 'oci-archive', path: 'x.tar' }],
  ['docker-archive:x.tar', { transport: 'docker-archive', path: 'x.tar', reference: undefined }],
  ['docker-archive:x.tar:app:1', { transport: 'docker-archive', path: 'x.tar' }],
  ['app:1', { transport: 'bare', text: 'app:1' }],
])('%s', (text, expected) => {
  expect(parseLocation(text)).toMatchObject(expected)
})

test.each(['./out', '../out.tar', '/srv/image', '~/image'])('a path %s is told how to be written', (text) => {
  expect(() => parseLocation(text)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/is a path/),
      hint: expect.stringContaining(`oci:${text}`),
    }),
  )
})

test.each(['oci:', 'oci::tag', 'oci:dir:', 'oci-archive:', 'http://r.io/app', 'dir:/tmp/x', 'docker://'])(
  'refuses the location %j',
  (text) => {
    expect(() => parseLocation(text)).toThrow(/is not|unknown transport|not a valid image reference/)
  },
)

test('an engine’s image has a name in its registry', () => {
  expect(inEngine('docker-daemon:r.io/app:1')).toMatch(/docker:\/\/r\.io\/app:1,/)
  expect(inEngine('oci:app')).toBeUndefined()
  expect(inEngine(`docker-daemon:sha256:${HEX}`)).toBeUndefined()
})
