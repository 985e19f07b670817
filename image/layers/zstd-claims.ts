/**
 * What manifest and footer say of a zstd:chunked layer's frames, checked against the frames: where they are, how large they are unpacked, their
 * digests. Readers go by these numbers before they have a byte of the layer.
 */
import { zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { parseJson } from '../../system/text/json.ts'
import { digestOf } from '../digest.ts'
import { parseZstdFooter, ZSTD_FOOTER_BYTES } from '../estargz/format/zstd-footer.ts'
import type { RangeFetch } from '../estargz/read/reader.ts'
import type { Descriptor } from '../types.ts'
import { MAX_TOC_BYTES, ZSTD_CHUNKED_PREFIXES } from './zstd-chunked.ts'

interface Claim {
  /** who claims it, and about what: for people */
  readonly what: string
  readonly offset: number
  readonly size: number
  /** uncompressed */
  readonly content: number
}

const POSITION = /^(\d{1,15}):(\d{1,15}):(\d{1,15})(?::\d+)?$/
/** Larger ones are not unpacked: podman refuses them, too. */
const MAX_CONTENT_BYTES = 480 << 20

/** @returns what is not true, a line each */
export async function zstdClaimFaults(
  { annotations = {}, size }: Descriptor,
  fetch: RangeFetch,
): Promise<string[]> {
  const tail = await fetch({ start: Math.max(0, size - ZSTD_FOOTER_BYTES), end: size })
  const footer = parseZstdFooter(tail, size)
  const claims: Claim[] = footer ? [{ what: "the footer's table of contents", ...footer }] : []
  const faults: string[] = []
  for (const prefix of ZSTD_CHUNKED_PREFIXES)
    for (const name of ['manifest-position', 'tarsplit-position']) {
      const text = annotations[prefix + name]
      if (text === undefined) continue
      const [, offset, length, content] = POSITION.exec(text) ?? []
      const claim = {
        what: prefix + name,
        offset: Number(offset),
        size: Number(length),
        content: Number(content),
      }
      if (offset === undefined) faults.push(`${claim.what} is not a position`)
      else claims.push(claim)
    }
  const unpacked = new Map<string, Buffer>()
  for (const claim of claims) {
    const fault = await faultOf(claim, { size, fetch }, unpacked)
    if (fault !== undefined) faults.push(fault)
  }
  return [...faults, ...tarSplitFault(unpacked)]
}

interface StoredLayer {
  readonly size: number
  readonly fetch: RangeFetch
}

/** @param found filled with what the claim points to: the tar-split data as stored, the table of contents unpacked */
async function faultOf(
  { what, offset, size, content }: Claim,
  layer: StoredLayer,
  found: Map<string, Buffer>,
): Promise<string | undefined> {
  if (size === 0 || offset + size > layer.size || size > MAX_TOC_BYTES)
    return `${what}: ${size} bytes at ${offset} are not in the layer, which has ${layer.size}`
  if (content > MAX_CONTENT_BYTES) return `${what}: it unpacks to ${content} bytes, which is too many`
  const stored = await layer.fetch({ start: offset, end: offset + size })
  try {
    const bytes = zstdDecompressSync(stored, { maxOutputLength: content + 1 })
    if (bytes.length !== content) return `${what}: it unpacks to ${bytes.length} bytes, not ${content}`
    if (what.endsWith('tarsplit-position')) found.set('tar-split', stored)
    else found.set('toc', bytes)
    return undefined
  } catch (error) {
    return `${what}: it can't be unpacked to ${content} bytes: ${messageOf(error)}`
  }
}

const tocSchema = z.object({ tarSplitDigest: z.string().optional() })

function tarSplitFault(found: ReadonlyMap<string, Buffer>): string[] {
  const [toc, split] = [found.get('toc'), found.get('tar-split')]
  if (toc === undefined || split === undefined) return []
  try {
    const { tarSplitDigest } = parseJson(toc.toString('latin1'), tocSchema, {
      code: 'E_ESTARGZ',
      what: 'the table of contents',
    })
    if (tarSplitDigest === undefined || tarSplitDigest === digestOf(split)) return []
    return [
      `the tar-split data has the digest ${digestOf(split)}; the table of contents says ${tarSplitDigest}`,
    ]
  } catch (error) {
    if (error instanceof HeadstartError) return [error.message]
    throw error
  }
}
