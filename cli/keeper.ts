/**
 * `headstart run -d`: the command starts itself again in the background, where it keeps the container's root until the container ends, and
 * leaves once the container runs. What the other one says until then is said here.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { z } from 'zod'
import { PARENT_VARIABLE } from '../system/process/parent.ts'
import { keptCall } from './kept-arguments.ts'

const startedSchema = z.strictObject({ started: z.string() })

export interface Kept {
  /** the container's ID; undefined: it didn't start */
  readonly id: string | undefined
  /** of the process in the background, where the container didn't start */
  readonly status: number
}

/** @param command the name of the command among the arguments. @param abort ends it, as long as the container doesn't run */
export async function keepInBackground(command: string, abort: AbortSignal): Promise<Kept> {
  const [, program = '', ...typed] = process.argv
  const call = keptCall(command, typed)
  const child = fork(program, call.args, {
    detached: true, // out of reach of Ctrl-C in a terminal, and of its end
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ...call.env, [PARENT_VARIABLE]: '0' }, // it outlives us, whatever we were asked to do
  })
  const interrupt = () => child.kill('SIGINT')
  abort.addEventListener('abort', interrupt)
  child.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk))
  const ended = once(child, 'close').then(([code]): Kept => ({ id: undefined, status: Number(code ?? 1) }))
  const started = new Promise<Kept>((resolve) => {
    child.on('message', (message) => {
      const told = startedSchema.safeParse(message).data
      if (told) resolve({ id: told.started, status: 0 })
    })
  })
  const kept = await Promise.race([started, ended])
  abort.removeEventListener('abort', interrupt)
  if (child.connected) child.disconnect()
  child.stderr?.destroy()
  child.unref()
  return kept
}

/** Called in the background process once the container runs: the process that started it needn't wait any longer. */
export function tellStarted(id: string): void {
  const message: z.infer<typeof startedSchema> = { started: id }
  process.send?.(message, undefined, undefined, () => process.connected && process.disconnect())
}
