/** A written layer as a blob of its target: its media type, and the annotations that are true of it. */
import { type DescribedLayer, FORMATS, type FormatName } from '../../image/estargz/format/formats.ts'
import { stillTrue } from '../../image/layers/annotations.ts'
import { OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../image/media-types.ts'
import type { Blob, Descriptor } from '../../image/types.ts'
import type { Segments } from '../spool/segments.ts'
import type { WrittenLayer } from './write.ts'

const MEDIA_TYPES = { gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD } as const

type Written = DescribedLayer &
  Pick<WrittenLayer, 'digest' | 'size'> & { readonly blob: Pick<Segments, 'open'> }

/** @param source what it was made from */
export function blobOf(source: Descriptor, written: Written, name: FormatName): Blob {
  const { codec, annotations } = FORMATS[name]
  return {
    descriptor: {
      mediaType: MEDIA_TYPES[codec],
      digest: written.digest,
      size: written.size,
      annotations: {
        ...stillTrue(source.annotations ?? {}),
        ...annotations(written),
      },
    },
    open: async (range) => written.blob.open(range),
  }
}
