/**
 * Ctrl-C and friends. A command that can keep what it has asks for a `finish` signal: the first Ctrl-C then ends its work early, the
 * second drops it. Everywhere else the first one aborts.
 *
 * In a checkout an older Node runs the command in a process of its own (`headstart.js`). A terminal sends Ctrl-C to both, anybody else perhaps
 * to the first alone: so that one passes on each as SIGUSR2, and whatever was heard in both ways counts once.
 */
import { whenParentGone } from '../system/process/parent.ts'

export interface Interrupts extends Disposable {
  /** aborts everything; resources are released on the way out */
  readonly abort: AbortSignal
  /** aborted by the first Ctrl-C, once it has been asked for */
  finish(): AbortSignal
  /** the first Ctrl-C came, and was for the work alone */
  isFinished(): boolean
  /** status to end with when a signal ended the work: 128 + its number */
  status(): number
}

export function listenForInterrupts(target: NodeJS.Process = process): Interrupts {
  const aborting = new AbortController()
  let finishing: AbortController | undefined
  let status = 130
  const heard: Record<'SIGINT' | 'SIGUSR2', number> = { SIGINT: 0, SIGUSR2: 0 }
  const interrupt = (signal: 'SIGINT' | 'SIGUSR2') => {
    heard[signal] += 1
    if (heard[signal] <= heard[signal === 'SIGINT' ? 'SIGUSR2' : 'SIGINT']) return
    if (finishing && !finishing.signal.aborted) finishing.abort()
    else aborting.abort()
  }
  const terminate = (signal: NodeJS.Signals) => {
    status = signal === 'SIGHUP' ? 129 : 143
    aborting.abort()
  }
  const [onInterrupt, onPassedOn] = [() => interrupt('SIGINT'), () => interrupt('SIGUSR2')]
  target.on('SIGINT', onInterrupt)
  target.on('SIGUSR2', onPassedOn)
  target.on('SIGTERM', terminate)
  target.on('SIGHUP', terminate)
  const parent = whenParentGone(() => terminate('SIGTERM'))
  return {
    abort: aborting.signal,
    finish() {
      finishing ??= new AbortController()
      return finishing.signal
    },
    isFinished: () => finishing?.signal.aborted ?? false,
    status: () => status,
    [Symbol.dispose]() {
      parent[Symbol.dispose]()
      target.off('SIGINT', onInterrupt)
      target.off('SIGUSR2', onPassedOn)
      target.off('SIGTERM', terminate)
      target.off('SIGHUP', terminate)
    },
  }
}
