/** Copies an image between places, as a command does. */
import { copyImage } from '../../image/copy.ts'
import { openSource, type TransportOptions } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { Digest } from '../../image/types.ts'

interface CopyChoices extends TransportOptions {
  readonly force?: boolean
  /** ends it once more than this many bytes of a blob were copied; blobs of up to 1,000 bytes don't count */
  readonly abortAt?: number
}

/** @returns the digest of the image's manifest */
export async function copy(from: string, to: string, choices: CopyChoices = {}): Promise<Digest> {
  const { force = false, abortAt, ...transport } = choices
  const controller = new AbortController()
  const { signal } = controller
  await using source = await openSource(from, { ...transport, signal })
  await using target = await openTarget(to, { ...transport, signal })
  await target.prepare({ force })
  const { digest } = await copyImage(await source.image(), target, {
    signal,
    onProgress: ({ done, total }) => {
      if (abortAt !== undefined && total > 1000 && done > abortAt) controller.abort()
    },
  })
  return digest
}
