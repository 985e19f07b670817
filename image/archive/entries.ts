/** Finds the files in a tar on disk by reading its headers alone, so that an archive's blobs can be read in place, in any order and in ranges. */
import type { FileHandle } from 'node:fs/promises'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { type BytePath, normalizePath, parentOf } from '../../system/text/byte-path.ts'
import { BLOCK, paddingOf, type TarEntry } from '../tar/entry.ts'
import { TarScanner } from '../tar/scan.ts'

/** A file in an archive. */
export interface ArchiveEntry {
  /** of its content in the archive, bytes */
  readonly offset: number
  readonly size: number
  /** of its headers, bytes */
  readonly start: number
}

export interface ArchiveIndex {
  /** follows the links that `docker save` writes between layers. @throws HeadstartError E_ARCHIVE */
  entry(path: string): ArchiveEntry
  find(path: string): ArchiveEntry | undefined
  /** where the last entry ends, bytes; its padding may be missing */
  readonly end: number
}

const MAX_ENTRIES = 200_000
const MAX_LINKS = 40

/** @param name of the archive, for errors */
export async function indexArchive(file: FileHandle, name: string): Promise<ArchiveIndex> {
  const { size } = await file.stat()
  const files = new Map<BytePath, ArchiveEntry>()
  const links = new Map<BytePath, BytePath>()
  let end = 0
  while (end + BLOCK <= size) {
    const start = end
    const found = await nextEntry(file, start, name)
    if (!found) break
    const { entry, end: offset } = found
    if (entry.type === 'reg') {
      if (offset + entry.size > size) throw archiveError(name, `it ends inside ${entry.path}`)
      files.set(entry.path, { offset, size: entry.size, start })
    } else if (entry.type === 'symlink' || entry.type === 'hardlink') links.set(entry.path, targetOf(entry))
    if (files.size + links.size > MAX_ENTRIES)
      throw archiveError(name, `it has more than ${MAX_ENTRIES} entries`)
    end = offset + entry.size + paddingOf(entry.size)
  }
  const find = (path: string): ArchiveEntry | undefined => {
    let at = normalizePath(path)
    for (let hops = 0; hops < MAX_LINKS; hops++) {
      const found = files.get(at)
      if (found) return found
      const target = links.get(at)
      if (target === undefined) return undefined
      at = target
    }
    return undefined
  }
  return {
    end,
    find,
    entry(path) {
      const found = find(path)
      if (found) return found
      throw archiveError(name, `it has no ${JSON.stringify(path)}`)
    },
  }
}

/** The entry whose headers start at `start`, and where its content does. Undefined at the zero blocks of the end. */
async function nextEntry(
  file: FileHandle,
  start: number,
  name: string,
): Promise<{ entry: TarEntry; end: number } | undefined> {
  const scanner = new TarScanner()
  const block = Buffer.alloc(BLOCK)
  for (let at = start; ; at += BLOCK) {
    const { bytesRead } = await file.read(block, 0, BLOCK, at)
    if (bytesRead < BLOCK) {
      if (at === start) return undefined
      throw archiveError(name, 'it ends inside a header')
    }
    if (at === start && block.every((byte) => byte === 0)) return undefined
    for (const event of scanned(scanner, block, name, start === 0))
      if (event.kind === 'entry') return { entry: event.entry, end: at + BLOCK }
  }
}

/** @param isFirst a file that doesn't begin with a header is not a tar */
function scanned(scanner: TarScanner, block: Buffer, name: string, isFirst: boolean) {
  try {
    return [...scanner.push(block)]
  } catch (cause) {
    if (codeOf(cause) !== 'E_TAR') throw cause
    const what = isFirst ? `${name} is not a tar archive` : `${name}: ${messageOf(cause)}`
    throw new HeadstartError('E_ARCHIVE', what, { cause })
  }
}

/** A symlink is relative to its folder: `a/layer.tar → ../b/layer.tar`. */
function targetOf(entry: TarEntry): BytePath {
  if (entry.type === 'hardlink') return entry.linkPath ?? ''
  const parts = entry.linkName.startsWith('/') ? [] : parentOf(entry.path).split('/')
  for (const part of entry.linkName.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return parts.join('/')
}

export const archiveError = (name: string, why: string): HeadstartError =>
  new HeadstartError('E_ARCHIVE', `${name} is damaged: ${why}`)
