/**
 * The program that started this command for itself, with a channel: it hears with which code the command failed, and the command doesn't
 * outlive it, however it ends. Only where it asks for that by a variable; any other parent that has a channel to us means something else by it.
 */
import { z } from 'zod'

/** Set to 1 by a parent that wants it. */
export const PARENT_VARIABLE = 'HEADSTART_PARENT'

/** What a command that failed says to its parent. */
export const faultSchema = z.object({
  /** of a `HeadstartError`; `E_USAGE`: the command line was wrong; `E_UNEXPECTED`: any other error */
  code: z.string().max(100),
  message: z.string().max(8000),
  hint: z.string().max(8000).optional(),
})
export type Fault = z.infer<typeof faultSchema>

const listens = (): boolean => process.env[PARENT_VARIABLE] === '1' && process.connected

/** Calls back once when the parent is gone. The channel alone doesn't keep this process running. */
export function whenParentGone(act: () => void): Disposable {
  if (!listens()) return { [Symbol.dispose]() {} }
  process.once('disconnect', act)
  process.channel?.unref()
  return {
    [Symbol.dispose]() {
      process.off('disconnect', act)
    },
  }
}

export function tellParent(fault: Fault): void {
  if (listens()) process.send?.(fault)
}
