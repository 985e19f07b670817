/**
 * zstd:chunked: a layer of zstd frames whose table of contents podman and CRI-O find by the manifest's annotations. Only what those say of it
 * is checked here.
 *
 * Source: containers/storage, docs/containers-storage-zstd-chunked.md and the annotations that it writes.
 */
import { HeadstartError } from '../../system/errors.ts'
import { digestOf } from '../digest.ts'
import type { RangeFetch } from '../estargz/read/reader.ts'
import type { Layer } from '../types.ts'

export const ZSTD_CHUNKED_PREFIXES = ['io.github.containers.zstd-chunked.', 'io.containers.zstd-chunked.']
/** As podman, which reads no more either. */
export const MAX_TOC_BYTES = 150 << 20

export interface ZstdChunkedToc {
  readonly start: number
  readonly end: number
  /** sha256 of the bytes as stored */
  readonly digest: string
}

export const isZstdChunked = ({ annotations = {} }: Layer['descriptor']): boolean =>
  ZSTD_CHUNKED_PREFIXES.some((prefix) => annotations[`${prefix}manifest-checksum`] !== undefined)

/**
 * @returns undefined: the layer isn't annotated as zstd:chunked
 * @throws HeadstartError E_DIGEST: its annotations can't be true
 */
export function zstdChunkedToc({ annotations = {}, size }: Layer['descriptor']): ZstdChunkedToc | undefined {
  const annotation = (name: string) =>
    ZSTD_CHUNKED_PREFIXES.map((prefix) => annotations[prefix + name]).find(Boolean)
  const [digest, position] = [annotation('manifest-checksum'), annotation('manifest-position')]
  if (digest === undefined || position === undefined) return undefined
  const [, offset, length] = /^(\d{1,15}):(\d{1,15}):\d{1,15}:\d+$/.exec(position) ?? []
  const [start, end] = [Number(offset), Number(offset) + Number(length)]
  if (!(start < end && end <= size && end - start <= MAX_TOC_BYTES))
    throw new HeadstartError('E_DIGEST', 'the manifest puts the table of contents outside of the layer')
  return { start, end, digest }
}

/** @throws HeadstartError E_DIGEST: it isn't what the manifest says; and what the source throws */
export async function checkZstdChunked(
  fetch: RangeFetch,
  toc: ZstdChunkedToc,
  signal?: AbortSignal,
): Promise<void> {
  const bytes = await fetch(toc, signal)
  const found = digestOf(bytes)
  if (found !== toc.digest)
    throw new HeadstartError(
      'E_DIGEST',
      `the table of contents has the digest ${found}; the manifest says ${toc.digest}`,
    )
}
