/** Sends layers where they go, with what belongs to them. */
import { withoutWrong } from '../../image/layers/annotations.ts'
import { isElsewhere } from '../../image/media-types.ts'
import type { Blob, ImageTarget, Layer } from '../../image/types.ts'
import type { LayerSummary, Stage, Written } from './layer-summary.ts'
import { keptDescriptor } from './manifest.ts'
import { storedToc, type TocImageWriter } from './toc-image.ts'

/** Where a written layer goes. */
export interface Destination {
  readonly target: ImageTarget
  /** takes what the format keeps out of the layer */
  readonly tocs: TocImageWriter | undefined
  readonly signal: AbortSignal
}

/** told how far it is, and of how many bytes */
type OnStage = (stage: Stage, bytes: number) => void

export async function sendBlob(
  blob: Blob,
  { target, signal }: Destination,
  onStage: OnStage,
): Promise<{ existed: boolean }> {
  const { size } = blob.descriptor
  onStage('send', size)
  const sent = isElsewhere(blob.descriptor) ? { existed: true } : await target.putBlob(blob, signal)
  onStage('done', size)
  return sent
}

/** A layer that stays. */
export async function sendAsIs(
  source: Layer,
  facts: Omit<LayerSummary, 'source' | 'result' | 'existed'>,
  to: Destination,
  onStage: OnStage,
): Promise<Written> {
  const result = withoutWrong(keptDescriptor(source.descriptor), source.diffId)
  const { existed } = await sendBlob({ ...source, descriptor: result }, to, onStage)
  return { diffId: source.diffId, summary: { source: source.descriptor, result, ...facts, existed } }
}

/** Its own table of contents, of a layer that stays. */
export async function passOnToc(source: Layer, { tocs, signal }: Destination): Promise<void> {
  const { externalToc, descriptor } = source
  if (tocs && externalToc) await tocs.add(descriptor.digest, storedToc(await externalToc(signal)), signal)
}
