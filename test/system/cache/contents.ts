/** Contents for caches, the same in every process. */
import { createHash } from 'node:crypto'

export const CONTENT_BYTES = 20_000

export function contentNumber(number: number) {
  const content = Buffer.alloc(CONTENT_BYTES, `content ${number} `)
  const hex = createHash('sha256').update(content).digest('hex')
  const digest = `sha256:${hex}` as const
  return { key: `${hex}.${content.length}`, content, digest }
}
