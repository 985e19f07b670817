/** The data that the page carries: base64 of deflated JSON. */
import { inflateSync, strFromU8 } from 'fflate'
import type { PageData } from '../shared/data.ts'

function unpackText(): string {
  const packed = document.getElementById('data')?.textContent ?? ''
  const bytes = Uint8Array.from(atob(packed.trim()), (sign) => sign.charCodeAt(0))
  return strFromU8(inflateSync(bytes))
}

/** The page and its data are made together, by the same version: there is nothing to check. */
export const unpackPage = (): PageData => JSON.parse(unpackText())
