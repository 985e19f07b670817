/** Words and texts as shells read them back, unchanged. */

/** Between single quotes, in bash and zsh. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Between single quotes, in fish, which knows two escapes there. */
export const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

/** A sentence short enough for a list of them. */
export function brief(text: string): string {
  const [first = ''] = text.split(/[;(]/)
  return (first.trim() === '' ? text : first).trim()
}
