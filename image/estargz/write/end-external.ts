/** The end of eStargz with an external table of contents: the tar's own end, and a footer that only says where else to look. */
import { digestOf } from '../../digest.ts'
import { EXTERNAL_FOOTER } from '../format/footer.ts'
import { encodeToc } from '../format/toc.ts'
import { addEndOfTar, type Ending, tarOfToc } from './ending.ts'

export const endExternal: Ending = async (_, store, tail) => ({
  async finish(entries, blob) {
    const { tar, digest } = tarOfToc(encodeToc(entries))
    if (tail === undefined) await addEndOfTar(blob, store)
    blob.add([], EXTERNAL_FOOTER)
    const unpacked = digestOf(tar)
    const stored = await store.compressOne(tar)
    const tocBytes = stored.length + EXTERNAL_FOOTER.length
    return { tocDigest: digest, tocBytes, externalToc: { stored, diffId: unpacked } }
  },
})
