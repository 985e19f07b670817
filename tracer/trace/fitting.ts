/** Which traces are of an image, however it is packed, and which of several go together. Pure. */
import type { Image } from '../../image/types.ts'
import type { Trace } from './file.ts'

/** True when the trace was recorded of this content, however it is packed. */
export const isTraceOf = (
  trace: Trace,
  { descriptor, config }: Pick<Image, 'descriptor' | 'config'>,
): boolean => trace.image.digest === descriptor.digest || trace.image.diffIds.join() === config.diffIds.join()

/**
 * Traces of one content can become one: of this image's where there are any, else of the newest one's, which a build before it has been
 * carried on from.
 * @param read newest first
 */
export function fittingTraces<T extends { readonly trace: Trace }>(
  read: readonly T[],
  image: Pick<Image, 'descriptor' | 'config'>,
): { readonly fitting: T[]; readonly others: T[] } {
  const [newest] = read.filter(({ trace }) => isTraceOf(trace, image)).concat(read)
  const diffIds = newest?.trace.image.diffIds.join()
  const isFitting = ({ trace }: T) => trace.image.diffIds.join() === diffIds
  return { fitting: read.filter(isFitting), others: read.filter((one) => !isFitting(one)) }
}
