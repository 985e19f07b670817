/** An image of which only the reference matters. */
import type { Digest, Image } from '../../../image/types.ts'
import { NO_PROCESS } from '../../support/images.ts'

const digest: Digest = `sha256:${'0'.repeat(64)}`
const descriptor = { mediaType: '', digest, size: 0 }

export const imageAt = (reference: string): Image => ({
  reference,
  descriptor,
  manifest: { mediaType: '', config: descriptor, layers: [] },
  rawManifest: Buffer.alloc(0),
  rawConfig: Buffer.alloc(0),
  layers: [],
  config: {
    platform: { os: 'linux', architecture: 'amd64' },
    diffIds: [],
    history: [],
    process: NO_PROCESS,
  },
})
