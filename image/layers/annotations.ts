/**
 * Annotations of a layer whose bytes changed: those that describe the old bytes are dropped, all others kept. Also finds
 * stale ones, which a tool that didn't know them left on a layer whose bytes it changed. Pure.
 */
import { OCI_LAYER_GZIP } from '../media-types.ts'
import type { Descriptor, Digest } from '../types.ts'

const DIFF_ID = 'containerd.io/uncompressed'
const ZSTD_CHUNKED = ['io.containers.zstd-chunked.', 'io.github.containers.zstd-chunked.']

/** Names, and prefixes of names (ending in `.`, `/` or `-`), of annotations that describe bytes and not content. */
const OF_OLD_BYTES = [
  DIFF_ID,
  'containerd.io/distribution.source.', // where those bytes were pulled from
  'containerd.io/snapshot/', // stargz, overlaybd, nydus: how to mount them
  'io.containers.estargz.',
  ...ZSTD_CHUNKED,
  'io.github.containers.compression.', // in an index: which entry uses zstd
  'com.amazon.soci.',
  'io.goharbor.artifact.v1alpha1.acceleration.',
  'vnd.docker.reference.digest',
]

const isOfOldBytes = (name: string): boolean =>
  OF_OLD_BYTES.some((known) => (/[./-]$/.test(known) ? name.startsWith(known) : name === known))

export const stillTrue = (annotations: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => !isOfOldBytes(name)))

/** Names of annotations that a layer's bytes prove wrong: podman refuses a layer that calls itself both eStargz and zstd:chunked. */
export function provenWrong({ mediaType, annotations = {} }: Descriptor, diffId: Digest): string[] {
  const isChunked = (name: string) => ZSTD_CHUNKED.some((beginning) => name.startsWith(beginning))
  return Object.entries(annotations).flatMap(([name, value]) =>
    (name === DIFF_ID && value !== diffId) || (mediaType === OCI_LAYER_GZIP && isChunked(name)) ? [name] : [],
  )
}

export function withoutWrong<D extends Descriptor>(descriptor: D, diffId: Digest): D {
  const wrong = new Set(provenWrong(descriptor, diffId))
  if (wrong.size === 0) return descriptor
  const kept = Object.entries(descriptor.annotations ?? {}).filter(([name]) => !wrong.has(name))
  return { ...descriptor, annotations: Object.fromEntries(kept) }
}
