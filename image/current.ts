/** Whether the image that was read is still the one that its tag names, so that an older build doesn't take a newer one's place. */
import { HeadstartError } from '../system/errors.ts'
import type { Digest, ImageSource } from './types.ts'

/**
 * Asked right before a tag is given away. Registries have no way to make both one step: what is pushed in the moment between can still be lost.
 * @param read digest of what was read
 * @throws HeadstartError E_SUPERSEDED: the source's tag names another image by now, or none
 */
export async function checkCurrent(
  source: Pick<ImageSource, 'name' | 'current'>,
  read: Digest,
  signal?: AbortSignal,
): Promise<void> {
  const now = await source.current?.(signal)
  if (now === read) return
  throw new HeadstartError(
    'E_SUPERSEDED',
    `${source.name.replace(/@sha256:[0-9a-f]{64}$/, '')} names ${now ?? 'no image'} by now, not ${read}, which was read: nothing was replaced`,
    {
      hint: 'Run it again for the newer image; the older one can be named by its digest alone, without the tag',
    },
  )
}
