/**
 * Text of others (images, registries, engines, files) for a person's eyes: what a terminal would obey, what turns text around, and what
 * can't be seen is written out, so that a name can neither act nor pretend to be another. Pure; runs in the report's page, too.
 */

/** Control characters, C0 and C1; format characters: directions, joiners, tags; halves of surrogate pairs; line and paragraph separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** As JSON, JavaScript and `$'…'` of a shell write it: what is shown can be copied. */
const written = (sign: string): string =>
  SHORT[sign] ?? Array.from({ length: sign.length }, (_, at) => unit(sign.charCodeAt(at))).join('')

const unit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`

/** In one line, whatever is in it. Of JSON it makes the same JSON. */
export const visible = (text: string): string => text.replace(UNSEEN, written)
