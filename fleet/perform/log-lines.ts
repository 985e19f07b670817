/** Cuts a stream of text into lines to keep and show, however long they are. */
import { StringDecoder } from 'node:string_decoder'

/** What is kept of a line until it ends; the rest of it is dropped. */
const MAX_PENDING = 4000

/** Lines end with LF, CR LF, or CR alone, as of what draws progress. Empty ones are left out. */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  for await (const piece of stream) {
    const [first = '', ...others] = decoder.write(piece).split(/[\r\n]+/)
    pending = (pending + first).slice(0, MAX_PENDING)
    for (const next of others) {
      if (pending !== '') yield pending
      pending = next.slice(0, MAX_PENDING)
    }
  }
  if (pending !== '') yield pending
}
