/**
 * Names at a layer's root that eStargz reserves. A layer that was eStargz once has such files, and loses them silently; others with these
 * names are left out, with a note; a directory would make a layer that nothing can unpack, and is refused.
 */

import { isFormatFile, TOC_NAME } from '../../image/estargz/format/toc.ts'
import type { EntryFacts } from '../../image/tar/entry.ts'
import { HeadstartError } from '../../system/errors.ts'
import { ancestorsOf } from '../../system/text/byte-path.ts'

/** The path is one of ours and a directory, with an entry or without. */
export function isOurFolder({ path, type }: Pick<EntryFacts, 'path' | 'type'>): boolean {
  return (type === 'dir' && isFormatFile(path)) || ancestorsOf(path).slice(0, 1).some(isFormatFile)
}

/** @throws HeadstartError E_ESTARGZ */
export function refuseOurFolder(entry: Pick<EntryFacts, 'path' | 'type'>, where: string): void {
  if (!isOurFolder(entry)) return
  const [name = entry.path] = entry.path.split('/')
  throw new HeadstartError('E_ESTARGZ', `${where}: it has a folder named ${name}, which eStargz reserves`, {
    hint: 'Rename the folder, or leave this layer as it is with --only-layers',
  })
}

/** @param isLast nothing stands behind it. @returns a line for people where it is not what eStargz itself puts there */
export function ownNameNote(
  { path, type, size }: Pick<EntryFacts, 'path' | 'type' | 'size'>,
  isLast: boolean,
): string[] {
  const isExpected = type === 'reg' && (path === TOC_NAME ? isLast : size === 1)
  return isExpected ? [] : [`${path} is left out: its name is reserved by eStargz`]
}
