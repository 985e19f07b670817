/** Platforms as they are written, and what is said when an index lacks one. */
import { expect, test } from 'vitest'
import { digestOf } from '../../image/digest.ts'
import { OCI_MANIFEST } from '../../image/media-types.ts'
import { checkPlatform, parsePlatform, selectPlatform } from '../../image/platform.ts'
import { refusal } from './refusal.ts'

test.each(['linux', 'linux/', '/amd64', 'linux/amd64/v8/x', 'LINUX/amd64', ''])(
  'no platform: %j',
  async (text) => {
    expect(await refusal(() => parsePlatform(text))).toMatch(/is not a valid platform/)
  },
)

test('an index without the platform names those it has', async () => {
  const manifests = ['arm64', 's390x'].map((architecture) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(architecture),
    size: 1,
    platform: { os: 'linux', architecture },
  }))
  expect(() => selectPlatform(manifests, { os: 'linux', architecture: 'amd64' }, 'app')).toThrow(
    expect.objectContaining({ hint: 'It has: linux/arm64, linux/s390x' }),
  )
})

test('a single image is for one platform; an unnamed variant is any', () => {
  const have = { os: 'linux', architecture: 'arm64', variant: 'v8' }
  for (const want of [undefined, have, { os: 'linux', architecture: 'arm64' }])
    checkPlatform(have, want, 'app')
  expect(() => checkPlatform(have, { os: 'linux', architecture: 'amd64' }, 'app')).toThrow(
    expect.objectContaining({
      message: 'app has no image for linux/amd64',
      hint: 'It is a single image, and for linux/arm64/v8',
    }),
  )
})
