/**
 * Names at a layer's root that eStargz has for itself. A layer that was eStargz once has them, and loses them without a word; what else bears
 * them can't stay, and it is said; a directory would make a layer that nobody unpacks, and is refused.
 */

import { isFormatFile, TOC_NAME } from '../../image/estargz/format/toc.ts'
import type { EntryFacts } from '../../image/tar/entry.ts'
import { ancestorsOf } from '../../system/byte-path.ts'
import { HeadstartError } from '../../system/errors.ts'

/** The path is one of ours and a directory, with an entry or without. */
export function isOurFolder({ path, type }: Pick<EntryFacts, 'path' | 'type'>): boolean {
  return (type === 'dir' && isFormatFile(path)) || ancestorsOf(path).slice(0, 1).some(isFormatFile)
}

/** @throws HeadstartError E_ESTARGZ */
export function refuseOurFolder(entry: Pick<EntryFacts, 'path' | 'type'>, where: string): void {
  if (!isOurFolder(entry)) return
  const [name = entry.path] = entry.path.split('/')
  throw new HeadstartError(
    'E_ESTARGZ',
    `${where}: its folder ${name} has a name that eStargz needs for itself`,
    {
      hint: 'Give the folder another name, or leave this layer as it is with --only-layers',
    },
  )
}

/** @param isLast nothing stands behind it. @returns a line for people where it is not what eStargz itself puts there */
export function ownNameNote(
  { path, type, size }: Pick<EntryFacts, 'path' | 'type' | 'size'>,
  isLast: boolean,
): string[] {
  const isExpected = type === 'reg' && (path === TOC_NAME ? isLast : size === 1)
  return isExpected ? [] : [`${path} is left out: eStargz has a file of its own of that name`]
}
