/**
 * Wraps a file system and records accesses: opens, reads by byte range, and resolved symlinks; lookups and listings are counted.
 * A request costs only a few assignments here; sorting and naming are left to `snapshot`.
 */

import { monotonicMs } from '../../system/clock.ts'
import type { BytePath } from '../../system/text/byte-path.ts'
import type { FileSystem, NodeId } from './file-system.ts'
import { addRange, bytesIn, type Ranges } from './ranges.ts'
import { type Name, type PathOf, pathsIn } from './recorded-paths.ts'

export interface RecordedFile {
  readonly path: BytePath
  readonly type: 'reg' | 'symlink'
  readonly size: number
  /** monotonic milliseconds, as are all times here */
  readonly firstOpen: number
  readonly firstRead?: number
  readonly opens: number
  readonly ranges: Ranges
  /** read after `markReady` and not before */
  readonly laterRanges: Ranges
  readonly digest?: string
}

export interface Recording {
  /** by first open */
  readonly files: readonly RecordedFile[]
  readonly lookups: { readonly found: number; readonly missing: number; readonly listings: number }
}

/** For servers whose accesses don't pass through `fileSystem`. Times are monotonic milliseconds. */
export interface AccessLog {
  found(parent: NodeId, name: string | undefined, node: NodeId): void
  missing(): void
  listing(): void
  opened(node: NodeId, at: number): void
  read(node: NodeId, at: number, start: number, end: number): void
}

export interface Recorder {
  /** passes everything on, and records it */
  readonly fileSystem: FileSystem
  readonly log: AccessLog
  /** Discards what was recorded so far. @returns what was opened or read, which the kernel may have cached */
  restart(): readonly NodeId[]
  /** Ranges read from now on are recorded separately. */
  markReady(): void
  progress(): { files: number; bytes: number }
  snapshot(): Recording
}

interface Entry {
  readonly node: NodeId
  readonly firstOpen: number
  firstRead: number | undefined
  opens: number
  readonly ranges: Ranges
  readonly laterRanges: Ranges
}

export function createRecorder(inner: FileSystem, now: () => number = monotonicMs): Recorder {
  /** the name by which a node was first looked up: with hardlinks, the one that the program used */
  const names = new Map<NodeId, Name>()
  let entries = new Map<NodeId, Entry>()
  let lookups = { found: 0, missing: 0, listings: 0 }
  let isReady = false

  function touch(node: NodeId, at: number): Entry {
    let entry = entries.get(node)
    if (!entry) {
      entry = { node, firstOpen: at, firstRead: undefined, opens: 0, ranges: [], laterRanges: [] }
      entries.set(node, entry)
    }
    return entry
  }

  const log: AccessLog = {
    found(parent, name, node) {
      lookups.found++
      if (!names.has(node)) names.set(node, { parent, name })
    },
    missing() {
      lookups.missing++
    },
    listing() {
      lookups.listings++
    },
    opened(node, at) {
      touch(node, at).opens++
    },
    read(node, at, start, end) {
      const entry = touch(node, at)
      entry.firstRead ??= at
      addRange(isReady ? entry.laterRanges : entry.ranges, start, end)
    },
  }

  return {
    log,
    fileSystem: recorded(inner, log, now),
    restart() {
      const nodes = [...entries.keys()]
      entries = new Map()
      lookups = { found: 0, missing: 0, listings: 0 }
      isReady = false
      return nodes
    },
    markReady() {
      isReady = true
    },
    progress() {
      let bytes = 0
      for (const entry of entries.values()) bytes += bytesIn(entry.ranges) + bytesIn(entry.laterRanges)
      return { files: entries.size, bytes }
    },
    snapshot() {
      const pathOf = pathsIn(inner, names)
      return {
        files: [...entries.values()].flatMap((entry) => recordedFile(inner, pathOf, entry)),
        lookups: { ...lookups },
      }
    },
  }
}

/** Passes every call on, and tells the log of those that count. */
function recorded(inner: FileSystem, log: AccessLog, now: () => number): FileSystem {
  return {
    ...forward(inner),
    lookup(parent, name) {
      const node = inner.lookup(parent, name)
      if (node === undefined) log.missing()
      else log.found(parent, name, node)
      return node
    },
    entries(node) {
      log.listing()
      return inner.entries(node)
    },
    readlink(node) {
      log.opened(node, now())
      return inner.readlink(node)
    },
    open(node) {
      inner.open(node)
      log.opened(node, now())
    },
    async read(node, offset, length) {
      const at = now()
      const bytes = await inner.read(node, offset, length)
      log.read(node, at, offset, offset + bytes.length)
      return bytes
    },
    ...(inner.readInto && { readInto: recordedReadInto(inner.readInto, log, now) }),
  }
}

function recordedReadInto(
  readInto: NonNullable<FileSystem['readInto']>,
  log: AccessLog,
  now: () => number,
): NonNullable<FileSystem['readInto']> {
  return (node, offset, target) => {
    const time = now()
    const bytes = readInto(node, offset, target)
    log.read(node, time, offset, offset + bytes)
    return bytes
  }
}

/** The calls that are not recorded. */
function forward(inner: FileSystem) {
  return {
    totals: inner.totals,
    withoutXattrs: inner.withoutXattrs,
    withOldTimes: inner.withOldTimes,
    attributes: (node: NodeId) => inner.attributes(node),
    xattr: (node: NodeId, name: string) => inner.xattr(node, name),
    xattrs: (node: NodeId) => inner.xattrs(node),
    digest: (node: NodeId) => inner.digest(node),
    ...(inner.pathOf && { pathOf: inner.pathOf }),
  }
}

function recordedFile(inner: FileSystem, pathOf: PathOf, entry: Entry): RecordedFile[] {
  const path = pathOf(entry.node)
  const { type, size } = inner.attributes(entry.node)
  if (path === undefined || (type !== 'reg' && type !== 'symlink')) return []
  const { firstOpen, firstRead, opens, ranges, laterRanges } = entry
  const digest = inner.digest(entry.node)
  return [
    {
      path,
      type,
      size,
      firstOpen,
      ...(firstRead !== undefined && { firstRead }),
      opens,
      ranges,
      laterRanges,
      ...(digest !== undefined && { digest }),
    },
  ]
}
