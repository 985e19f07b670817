/**
 * One process at a time works on a folder's contents. The lock is a socket's name in Linux's abstract namespace: the kernel gives it to one
 * owner, and takes it back whatever ends the process, so that none is ever stale.
 */
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { codeOf } from './errors.ts'

const RETRY_MS = 10

/** @param folder exists; the same one under another path is the same lock */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const { dev, ino } = await stat(folder)
  const name = `\0headstart-folder-${dev}-${ino}`
  await using _lock = await take(name)
  return await work()
}

async function take(name: string): Promise<AsyncDisposable> {
  for (;;) {
    const server = createServer((connection) => connection.destroy())
    try {
      server.listen(name)
      await once(server, 'listening')
      return server
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
      await setTimeout(RETRY_MS)
    }
  }
}
