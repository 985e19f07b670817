/** Contents for caches, the same in every process. */
import { createHash } from 'node:crypto'
import type { Digest } from '../../../../../image/types.ts'

export const CONTENT_BYTES = 20_000

export function contentNumber(number: number) {
  const content = Buffer.alloc(CONTENT_BYTES, `content ${number} `)
  const hex = createHash('sha256').update(content).digest('hex')
  const digest: Digest = `sha256:${hex}`
  return { key: `${hex}.${content.length}`, content, digest }
}
