/** Copies an image between places, as a command does. */
import { copyImage } from '../../../image/copy.ts'
import { openSource, type TransportOptions } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Digest } from '../../../image/types.ts'

/** @returns the digest of the image's manifest */
export async function copy(from: string, to: string, options: TransportOptions = {}): Promise<Digest> {
  await using source = await openSource(from, options)
  await using target = await openTarget(to, options)
  await target.prepare({ force: false })
  const { digest } = await copyImage(await source.image(), target)
  return digest
}
