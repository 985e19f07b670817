/** The data in the page: deflated JSON as base64. */
import { inflateSync, strFromU8 } from 'fflate'
import type { PageData } from '../shared/data.ts'

function unpackText(): string {
  const packed = document.getElementById('data')?.textContent ?? ''
  const bytes = Uint8Array.from(atob(packed.trim()), (sign) => sign.charCodeAt(0))
  return strFromU8(inflateSync(bytes))
}

/** Not validated: the same version makes the page and its data. */
export const unpackPage = (): PageData => JSON.parse(unpackText())
