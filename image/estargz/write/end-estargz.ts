/** The end of eStargz: the table of contents is the tar's last entry, in a member of its own, and the footer an empty member. */
import { type Digest, digestOf } from '../../digest.ts'
import { END_OF_TAR, plainFileHeader } from '../../tar/encode.ts'
import { paddingOf } from '../../tar/entry.ts'
import { encodeFooter } from '../format/footer.ts'
import { encodeToc, TOC_NAME } from '../format/toc.ts'
import type { Ending } from './ending.ts'

export const endEstargz: Ending = async (_, store) => ({
  async finish(entries, blob) {
    const { tar, digest } = tarOfToc(encodeToc(entries))
    const tocOffset = blob.size
    const start = await store.append(tar)
    const range = { start, end: start + tar.length }
    blob.add([range], await store.compressOne(tar))
    blob.add([], encodeFooter(tocOffset))
    return { tocDigest: digest }
  },
})

/** @returns the end of the layer's tar, and the digest of the JSON in it */
function tarOfToc(json: Iterable<Buffer>): { tar: Uint8Array<ArrayBuffer>; digest: Digest } {
  const pieces = [...json]
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const header = plainFileHeader(TOC_NAME, size)
  const tar = new Uint8Array(header.length + size + paddingOf(size) + END_OF_TAR.length)
  tar.set(header)
  let at = header.length
  for (const piece of pieces) {
    tar.set(piece, at)
    at += piece.length
  }
  return { tar, digest: digestOf(tar.subarray(header.length, at)) }
}
