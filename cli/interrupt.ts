/**
 * Ctrl-C and friends. A command that can keep what it has asks for a `finish` signal: the first Ctrl-C then ends its work early, the
 * second drops it. Everywhere else the first one aborts.
 */
export interface Interrupts extends Disposable {
  /** aborts everything; resources are released on the way out */
  readonly abort: AbortSignal
  /** aborted by the first Ctrl-C, once it has been asked for */
  finish(): AbortSignal
  /** status to end with when a signal ended the work: 128 + its number */
  status(): number
}

export function listenForInterrupts(target: NodeJS.Process = process): Interrupts {
  const aborting = new AbortController()
  let finishing: AbortController | undefined
  let status = 130
  const interrupt = () => {
    if (finishing && !finishing.signal.aborted) finishing.abort()
    else aborting.abort()
  }
  const terminate = (signal: NodeJS.Signals) => {
    status = signal === 'SIGHUP' ? 129 : 143
    aborting.abort()
  }
  target.on('SIGINT', interrupt)
  target.on('SIGTERM', terminate)
  target.on('SIGHUP', terminate)
  return {
    abort: aborting.signal,
    finish() {
      finishing ??= new AbortController()
      return finishing.signal
    },
    status: () => status,
    [Symbol.dispose]() {
      target.off('SIGINT', interrupt)
      target.off('SIGTERM', terminate)
      target.off('SIGHUP', terminate)
    },
  }
}
