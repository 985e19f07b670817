/** Reads a file of a container's root from outside, following links as the container would: none leads out of the root. */
import { lstat, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_LINKS = 40
const MAX_BYTES = 1 << 20

/** @returns the text, or undefined where there is no such regular file, or it is larger than a MiB */
export async function readInside(root: string, path: string): Promise<string | undefined> {
  const found = await resolveInside(root, path)
  const stats = await lstat(found).catch(() => undefined)
  return stats?.isFile() && stats.size <= MAX_BYTES ? readFile(found, 'utf8') : undefined
}

/** The place on this machine that `path` means inside `root`, whether something is there or not. */
export async function resolveInside(root: string, path: string): Promise<string> {
  const pending = path.split('/')
  let at: string[] = []
  for (let links = 0; pending.length > 0; ) {
    const part = pending.shift() ?? ''
    if (part === '' || part === '.') continue
    if (part === '..') {
      at.pop()
      continue
    }
    const target = await readlink(join(root, ...at, part)).catch(() => undefined)
    if (target === undefined || ++links > MAX_LINKS) {
      at.push(part)
      continue
    }
    if (target.startsWith('/')) at = []
    pending.unshift(...target.split('/'))
  }
  return join(root, ...at)
}
