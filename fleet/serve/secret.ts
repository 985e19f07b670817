/** The secret that a registry sends with its notifications: read from a file, compared so that the time taken tells nothing of it. */
import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** @param header of Authorization: `Bearer SECRET`, or the secret alone, as Harbor may send it */
export function isAuthorized(header: string | undefined, secret: string): boolean {
  const given = header ?? ''
  const expected = digest(secret)
  // Both are compared, whichever it is.
  const forms = [given, given.replace(/^Bearer +/i, '')]
  return forms.map((form) => timingSafeEqual(digest(form), expected)).includes(true) && given !== ''
}
