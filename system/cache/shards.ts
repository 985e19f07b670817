/**
 * The files of the shared cache: one a key, in 256 folders by the first digits of its digest. Counted by their names, which say how large most
 * are; removed least recently used first.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isLeftover, writerOf } from '../files/leftovers.ts'
import { mapLimit } from '../map-limit.ts'
import { isGone } from '../process/owner.ts'

/** What a file takes on most disks at least, and a multiple of which it takes. */
const BLOCK_BYTES = 4096
const AT_ONCE = 4

export const onDisk = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES

/** @param key 64 hexadecimal digits, then whatever distinguishes it: `.SIZE` of content, which is its own digest's; `.toc`, … */
export const placeOf = (key: string): { readonly shard: string; readonly name: string } => ({
  shard: key.slice(0, 2),
  name: key.slice(2),
})

const SIZED = /^[0-9a-f]{62}\.(\d{1,12})$/
const OURS = /^[0-9a-f]{62}\.[0-9a-z-]{1,20}$/

async function shardsIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^[0-9a-f]{2}$/.test(name))
}

/** Bytes on disk. Removes what dead processes left half-written. */
export async function countBytes(folder: string): Promise<number> {
  const counts = await mapLimit(await shardsIn(folder), AT_ONCE, never, async (shard) => {
    let sum = 0
    for (const name of await readdir(join(folder, shard)).catch(() => [])) {
      const size = SIZED.exec(name)?.[1]
      if (size !== undefined) sum += onDisk(Number(size))
      else if (OURS.test(name)) sum += onDisk((await statOf(join(folder, shard, name)))?.size ?? 0)
      else await removeLeftover(join(folder, shard), name)
    }
    return sum
  })
  return counts.reduce((sum, bytes) => sum + bytes, 0)
}

async function removeLeftover(folder: string, name: string): Promise<void> {
  const writer = isLeftover(name) ? writerOf(name) : undefined
  if (writer && (await isGone(writer))) await rm(join(folder, name), { force: true }).catch(() => {})
}

/**
 * Removes the least recently used until no more than `target` bytes are left. Other processes may read and write meanwhile: what they miss,
 * they fetch.
 * @returns bytes left
 */
export async function evict(folder: string, target: number): Promise<number> {
  const files = await filesIn(folder)
  let left = files.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { path, bytes } of files.sort((a, b) => a.usedAt - b.usedAt)) {
    if (left <= target) break
    await rm(path, { force: true })
    left -= bytes
  }
  return left
}

async function filesIn(folder: string) {
  const found = await mapLimit(await shardsIn(folder), AT_ONCE, never, async (shard) => {
    const files: { path: string; bytes: number; usedAt: number }[] = []
    for (const name of await readdir(join(folder, shard)).catch(() => [])) {
      const path = join(folder, shard, name)
      const info = OURS.test(name) ? await statOf(path) : undefined
      if (info) files.push({ path, bytes: onDisk(info.size), usedAt: info.mtimeMs })
    }
    return files
  })
  return found.flat()
}

const never = new AbortController().signal

const statOf = (path: string) => stat(path).catch(() => undefined)
