/** Small responses read whole, bounded while they arrive and again when they are decompressed. */
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { HeadstartError } from '../../system/errors.ts'
import { readBounded } from '../../system/files/read-bounded.ts'
import { Pace } from './pace.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const inflate = promisify(gunzip)

/** The encoding of a response's content. @returns lower case; undefined when it is not encoded */
export function encodingOf(headers: Headers): string | undefined {
  const encoding = String(headers['content-encoding'] ?? '')
    .trim()
    .toLowerCase()
  return encoding === '' || encoding === 'identity' ? undefined : encoding
}

export const isGzip = (encoding: string | undefined): boolean => encoding === 'gzip' || encoding === 'x-gzip'

/**
 * Some gateways compress although nobody asked them to.
 * @param limit bytes, of the response and of its decompressed content
 * @param of.what it is, for errors
 * @param of.paceMs the period in which it must come fast enough
 * @throws HeadstartError E_TOO_LARGE, E_REGISTRY: another encoding, damaged, or too slow
 */
export async function readDocument(
  { headers, body }: { readonly headers: Headers; readonly body: Readable },
  limit: number,
  { what, paceMs }: { readonly what: string; readonly paceMs: number },
): Promise<Buffer> {
  const bytes = await readBounded(Readable.from(new Pace(what, paceMs).keep(body)), limit, what)
  const encoding = encodingOf(headers)
  if (encoding === undefined) return bytes
  const shown = JSON.stringify(encoding.slice(0, 40))
  if (!isGzip(encoding))
    throw new HeadstartError('E_REGISTRY', `${what} has the encoding ${shown}, which was not requested`)
  try {
    return await inflate(bytes, { maxOutputLength: limit })
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new HeadstartError('E_TOO_LARGE', `${what} is larger than ${limit} bytes`, { cause })
    throw new HeadstartError('E_REGISTRY', `${what} can't be decoded as ${shown}, the encoding it claims`, {
      cause,
    })
  }
}
