/** What stays behind when one image of an index goes alone. */

import { expect, test } from 'vitest'
import { leftBehind } from '../../../cli/print/left-behind.ts'
import type { Digest } from '../../../image/types.ts'
import { bareImage } from '../../support/images.ts'

const descriptor = (digest: Digest, size: number) => ({ mediaType: 'x', digest, size })

test('what of an index is left behind is counted: images, and what has no platform', () => {
  const image = bareImage({ digest: 'sha256:image' })
  const platform = (os: string) => ({ platform: { os, architecture: 'amd64' } })
  const manifests = [
    { ...image.descriptor, ...platform('linux') },
    { ...descriptor('sha256:a', 1), ...platform('linux') },
    { ...descriptor('sha256:b', 1), ...platform('unknown') },
    { ...descriptor('sha256:c', 1) },
  ]
  const index = { descriptor: descriptor('sha256:i', 1), rawIndex: Buffer.alloc(0), manifests }
  expect(leftBehind(index, image, 'use --all to copy the whole index')).toEqual([
    '1 other image and 2 attestations or other artifacts of the index are left behind: use --all to copy the whole index',
  ])
  expect(leftBehind({ ...index, manifests: manifests.slice(0, 1) }, image, '')).toEqual([])
  expect(leftBehind(undefined, image, '')).toEqual([])
})
