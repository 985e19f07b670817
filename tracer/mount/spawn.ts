/**
 * Starts the process that serves a mount. One for a lazy tree may be started ahead, before its command has loaded: then both load at the same
 * time, each on its own core.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { Socket } from 'node:net'
import { dirname } from 'node:path'

let ahead: ChildProcess | undefined

/** @param isLazy it loads what a lazy tree needs before it is asked for one */
export function spawnServer(isLazy: boolean): ChildProcess {
  const cache = getCompileCacheDir() // in a folder named after Node's version
  return fork(new URL('./server.ts', import.meta.url), isLazy ? ['lazy'] : [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '8', ...(cache && { NODE_COMPILE_CACHE: dirname(cache) }) },
  })
}

/** It ends with us, and keeps nothing waiting; until it is taken, or dropped. */
export function spawnAhead(): void {
  if (ahead) return
  ahead = spawnServer(true)
  hold(ahead, 'unref')
}

/** @returns undefined: none is waiting, or it has ended */
export function takeAhead(): ChildProcess | undefined {
  const child = ahead
  ahead = undefined
  if (!child?.connected) return undefined
  hold(child, 'ref')
  return child
}

export function dropAhead(): void {
  ahead?.disconnect()
  ahead = undefined
}

/** Whether the process and its channels keep ours running. */
function hold(child: ChildProcess, how: 'ref' | 'unref'): void {
  child[how]()
  child.channel?.[how]()
  const { stderr } = child
  if (stderr instanceof Socket) stderr[how]()
}
