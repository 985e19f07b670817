/** Says what stays when one image of an index goes alone: other platforms' images, and attestations. */
import type { Image, ImageSource } from '../../image/types.ts'
import { counted, type Output } from './output.ts'

/** @param flag what takes the index whole */
export async function tellWhatStays(
  source: ImageSource,
  image: Image,
  flag: string,
  output: Output,
): Promise<void> {
  const { manifests = [] } = (await source.index()) ?? {}
  const others = manifests.filter(({ digest }) => digest !== image.descriptor.digest)
  const images = others.filter(({ platform }) => platform !== undefined && platform.os !== 'unknown').length
  const more = others.length - images
  const left = [
    ...(images > 0 ? [counted(images, 'other image')] : []),
    ...(more > 0 ? [`${counted(more, 'attestation')} or other artifact${more === 1 ? '' : 's'}`] : []),
  ]
  if (left.length === 0) return
  const are = others.length === 1 ? 'is' : 'are'
  output.note(`${left.join(' and ')} of the index ${are} left behind: ${flag} takes the index whole`)
}
