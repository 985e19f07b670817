/** Lists of a registry that come in pages: each page names the next. */
import { headerOf, type RegistryResponse } from './request.ts'

/** Only on the same server: a list is no reason to ask another one. */
export function nextPage(answer: Pick<RegistryResponse, 'headers' | 'url'>): string | undefined {
  const link = headerOf(answer, 'link')
  const target = /^\s*<([^>]*)>\s*;.*\brel="?next"?/i.exec(link ?? '')?.[1]
  if (target === undefined || !URL.canParse(target, answer.url.href)) return undefined
  const url = new URL(target, answer.url)
  return url.origin === answer.url.origin ? url.href : undefined
}
