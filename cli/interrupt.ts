/**
 * Ctrl-C and friends. A command that can keep what it has asks for a `finish` signal: the first Ctrl-C then ends its work early, the
 * second drops it. Everywhere else the first one aborts.
 *
 * In a checkout an older Node runs the command in a process of its own (`headstart.js`). A terminal sends Ctrl-C to both, anybody else perhaps
 * to the first alone: so that one passes on each as SIGSTKFLT, which nobody else sends, and whatever was heard in both ways counts once.
 *
 * A command that runs a container hands signals over to it: then none of them interrupts anything here.
 */
import { constants } from 'node:os'
import { whenParentGone } from '../system/process/parent.ts'

export interface Interrupts extends Disposable {
  /** aborts everything; resources are released on the way out */
  readonly abort: AbortSignal
  /** aborted by the first Ctrl-C, once it has been asked for */
  finish(): AbortSignal
  /** the first Ctrl-C came, and was for the work alone */
  isFinished(): boolean
  /** From now on every signal that a process may be sent is handed over, those included that would not interrupt; until it is disposed. */
  handOver(to: (signal: NodeJS.Signals) => void): Disposable
  /** status to end with when a signal ended the work: 128 + its number */
  status(): number
}

/** Each ends a process that doesn't listen, mounts and all; at SIGUSR1 Node would open its debugger to everybody on the machine. */
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const
/** What else a container may be sent. Not that a terminal has another size, which some servers stop at. */
const OTHERS = ['SIGCONT', 'SIGTSTP'] as const

export function listenForInterrupts(target: NodeJS.Process = process): Interrupts {
  const aborting = new AbortController()
  let finishing: AbortController | undefined
  let taker: ((signal: NodeJS.Signals) => void) | undefined
  let status = 130
  const heard: Record<'SIGINT' | 'SIGSTKFLT', number> = { SIGINT: 0, SIGSTKFLT: 0 }
  const interrupt = (signal: 'SIGINT' | 'SIGSTKFLT') => {
    heard[signal] += 1
    if (heard[signal] <= heard[signal === 'SIGINT' ? 'SIGSTKFLT' : 'SIGINT']) return
    if (taker) taker('SIGINT')
    else if (finishing && !finishing.signal.aborted) finishing.abort()
    else aborting.abort()
  }
  const terminate = (signal: NodeJS.Signals) => {
    if (taker) return taker(signal)
    status = 128 + constants.signals[signal]
    aborting.abort()
  }
  const pass = (signal: NodeJS.Signals) => taker?.(signal)
  const [onInterrupt, onPassedOn] = [() => interrupt('SIGINT'), () => interrupt('SIGSTKFLT')]
  target.on('SIGINT', onInterrupt)
  target.on('SIGSTKFLT', onPassedOn)
  for (const signal of ENDING) target.on(signal, terminate)
  const parent = whenParentGone(() => terminate('SIGTERM'))
  const stop = () => {
    for (const signal of OTHERS) target.off(signal, pass)
    taker = undefined
  }
  return {
    abort: aborting.signal,
    finish() {
      finishing ??= new AbortController()
      return finishing.signal
    },
    isFinished: () => finishing?.signal.aborted ?? false,
    handOver(to) {
      taker = to
      for (const signal of OTHERS) target.on(signal, pass)
      return { [Symbol.dispose]: stop }
    },
    status: () => status,
    [Symbol.dispose]() {
      parent[Symbol.dispose]()
      stop()
      target.off('SIGINT', onInterrupt)
      target.off('SIGSTKFLT', onPassedOn)
      for (const signal of ENDING) target.off(signal, terminate)
    },
  }
}
