/** An entry of the tar compared with the table of contents' entry for it. Pure. */
import type { TarEntry } from '../../tar/entry.ts'
import type { EstargzEntry } from '../format/entry.ts'

/** @returns what differs, each with both values; empty when nothing does */
export function differencesOf(tar: TarEntry, toc: EstargzEntry): string[] {
  const faults: string[] = []
  const same = (what: string, inTar: string | number, inToc: string | number) => {
    if (inTar !== inToc)
      faults.push(`${what} is ${JSON.stringify(inToc)}, but the tar says ${JSON.stringify(inTar)}`)
  }
  same('type', tar.type, toc.type)
  same('size', tar.size, toc.size)
  same('mode', tar.mode.toString(8), toc.mode.toString(8))
  same('owner', tar.uid, toc.uid)
  same('group', tar.gid, toc.gid)
  same('link target', tar.linkName, toc.linkName)
  same('device', `${tar.devMajor}:${tar.devMinor}`, `${toc.devMajor}:${toc.devMinor}`)
  // A name may come from an earlier entry of the same number, so only one that is given can be wrong.
  if (tar.uname !== '') same('user name', tar.uname, toc.uname)
  if (tar.gname !== '') same('group name', tar.gname, toc.gname)
  if (!isSameTime(tar.mtime, toc.mtime)) same('time', tar.mtime, toc.mtime)
  for (const [name, value] of tar.xattrs)
    if (!toc.xattrs.get(name)?.equals(value)) faults.push(`the xattr ${name} is missing or differs`)
  for (const name of toc.xattrs.keys()) if (!tar.xattrs.has(name)) faults.push(`the tar has no xattr ${name}`)
  return faults
}

const MAX_TIME = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000
const MIN_TIME = Date.UTC(0, 0, 1) / 1000 - 1e11

/** Whole seconds: cut off by some writers, rounded by others. Years that RFC 3339 can't write are left out. */
function isSameTime(tar: number, toc: number): boolean {
  if (tar > MAX_TIME || tar < MIN_TIME) return true
  return Math.floor(tar) === toc || Math.floor(tar + 0.5) === toc || (toc === 0 && tar < Date.UTC(1, 0, 1))
}
