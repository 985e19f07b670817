/** The end of eStargz: the table of contents is the tar's last entry, in a member of its own, and the footer an empty member. */
import { encodeFooter } from '../format/footer.ts'
import { encodeToc } from '../format/toc.ts'
import { type Ending, tarOfToc } from './ending.ts'

export const endEstargz: Ending = async (_, store) => ({
  async finish(entries, blob) {
    const { tar, digest } = tarOfToc(encodeToc(entries))
    const tocOffset = blob.size
    const start = await store.append(tar)
    const range = { start, end: start + tar.length }
    const [stored, footer] = [await store.compressOne(tar), encodeFooter(tocOffset)]
    blob.add([range], stored)
    blob.add([], footer)
    return { tocDigest: digest, tocBytes: stored.length + footer.length }
  },
})
