/** The landmark's own entry: a file of one byte that stands where the prioritized zone ends, or first of all where there is no zone. */
import { plainFileHeader } from '../../tar/encode.ts'
import { type EntryFacts, paddingOf } from '../../tar/entry.ts'
import { LANDMARK_CONTENT, NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK } from '../format/toc.ts'

export interface LandmarkEntry {
  readonly facts: EntryFacts
  readonly header: Buffer
  /** content and padding, to follow the header */
  readonly content: Buffer
}

export function landmarkEntry(hasZone: boolean): LandmarkEntry {
  const name = hasZone ? PREFETCH_LANDMARK : NO_PREFETCH_LANDMARK
  const size = LANDMARK_CONTENT.length
  const facts: EntryFacts = {
    path: name,
    name,
    type: 'reg',
    size,
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    linkName: '',
    linkPath: undefined,
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  }
  const content = Buffer.concat([LANDMARK_CONTENT, Buffer.alloc(paddingOf(size))])
  return { facts, header: plainFileHeader(name, size), content }
}
