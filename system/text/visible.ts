/**
 * Makes untrusted text (from images, registries, engines, files) safe to show: control, bidirectional and invisible characters are escaped, so
 * that a name can neither control a terminal nor look like another name. Pure; also runs in the report's page.
 */

/** Control characters, C0 and C1; format characters: directions, joiners, tags; halves of surrogate pairs; line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** As in JSON, JavaScript and the shell's `$'…'`, so that what is shown can be copied. */
const written = (sign: string): string =>
  SHORT[sign] ?? Array.from({ length: sign.length }, (_, at) => unit(sign.charCodeAt(at))).join('')

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

/** Always one line. JSON stays equivalent JSON. */
export const visible = (text: string): string => text.replace(UNSEEN, written)
