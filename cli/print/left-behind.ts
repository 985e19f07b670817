/** What stays behind when one image of an index goes alone: other platforms' images, and attestations. Pure. */
import type { Image, ImageIndex } from '../../image/types.ts'
import { counted } from './output.ts'

/** @param remedy how the whole index is taken. @returns a line for people, if anything stays behind */
export function leftBehind(index: ImageIndex | undefined, image: Image, remedy: string): string[] {
  const others = (index?.manifests ?? []).filter(({ digest }) => digest !== image.descriptor.digest)
  const images = others.filter(({ platform }) => platform !== undefined && platform.os !== 'unknown').length
  const more = others.length - images
  const left = [
    ...(images > 0 ? [counted(images, 'other image')] : []),
    ...(more > 0 ? [`${counted(more, 'attestation')} or other artifact${more === 1 ? '' : 's'}`] : []),
  ]
  if (left.length === 0) return []
  const are = others.length === 1 ? 'is' : 'are'
  return [`${left.join(' and ')} of the index ${are} left behind: ${remedy}`]
}
