/**
 * Removes a folder with everything in it, however deep it is and whatever bytes its names have: what lies deep is moved up first, so that no
 * path is long. With whole paths the kernel would walk each part of them again for every file, and beyond 4,095 bytes it takes none.
 */
import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../errors.ts'
import type { BytePath } from '../text/byte-path.ts'

/** What lies deeper is moved up. */
const MAX_DEPTH = 16
/** After so many removals the event loop gets its turn. */
const TURN = 256
const ATTEMPTS = 6
const RETRY_MS = 100
/** Something is still at work in the folder, or on this machine. */
const PASSING = new Set(['EBUSY', 'ENOTEMPTY', 'EMFILE', 'ENFILE', 'EPERM'])

/** Synchronous, and with one attempt. Symlinks are removed, not followed. @throws what the system refuses */
export function removeTreeSync(folder: string | Buffer): void {
  for (const _ of removals(folder));
}

/** As `removeTreeSync`, in turns; what is already gone is not an error, and failures that pass are waited for. */
export async function removeTree(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      let done = 0
      for (const _ of removals(folder)) if (++done % TURN === 0) await nextTurn()
      return
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT' && !lstatSync(folder, { throwIfNoEntry: false })) return
      if (attempt === ATTEMPTS || !(code === 'ENOENT' || PASSING.has(code ?? ''))) throw error
      await sleep(attempt * RETRY_MS)
    }
  }
}

/** Yields after each removal. */
function* removals(folder: string | Buffer): Generator<void, void, undefined> {
  const root = Buffer.from(folder).toString('latin1')
  const at = (path: BytePath): Buffer => Buffer.from(path === '' ? root : `${root}/${path}`, 'latin1')
  const tag = `.removed-${randomBytes(8).toString('hex')}`
  /** `''`, then what was moved up, in `root` itself */
  const tops: BytePath[] = ['']
  for (const top of tops) {
    /** each before those in it */
    const folders = [{ path: top, depth: 0 }]
    for (const { path, depth } of folders)
      for (const name of readdirSync(at(path), { encoding: 'latin1' })) {
        const inner = path === '' ? name : `${path}/${name}`
        if (!lstatSync(at(inner)).isDirectory()) unlinkSync(at(inner))
        else if (depth < MAX_DEPTH) folders.push({ path: inner, depth: depth + 1 })
        else {
          renameSync(at(inner), at(`${tag}-${tops.length}`))
          tops.push(`${tag}-${tops.length}`)
        }
        yield
      }
    for (const { path } of folders.reverse()) {
      if (path !== '') rmdirSync(at(path))
      yield
    }
  }
  rmdirSync(at(''))
}
