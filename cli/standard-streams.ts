/**
 * The command's own input, output and terminal as a container's: bytes as they are, no faster than they are taken, and signals passed on as
 * docker run does.
 */
import { Socket } from 'node:net'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import { HeadstartError } from '../system/errors.ts'
import type { RunOptions } from '../tracer/container/options/run-options.ts'
import type { Container, OutputStream, Terminal } from '../tracer/container/types.ts'

export interface StandardStreams extends Disposable {
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => Promise<void>
  readonly input: NodeJS.ReadableStream | undefined
  readonly terminal: Terminal | undefined
  /** The container runs: what is typed is its own from now on, if not since it has written something; and it ends if nobody reads what it writes. */
  begin(container: Container): void
  /** what the command ends with */
  statusOf(container: number): number
}

const PIPE_STATUS = 128 + constants.signals.SIGPIPE

/**
 * @param detached nobody reads what the container writes, or writes what it reads
 * @throws HeadstartError E_OPTION: a terminal is asked for that isn't there
 */
export function standardStreams(
  { interactive = false, tty = false }: RunOptions,
  detached: boolean,
): StandardStreams {
  if (detached) return noStreams()
  const { stdin, stdout, stderr } = process
  if (interactive && tty && !stdin.isTTY)
    throw new HeadstartError('E_OPTION', 'the input is not a terminal, which -t with -i needs', {
      hint: 'Leave out -t, or run the command in a terminal',
    })
  let isClosed = false
  const closed = Promise.withResolvers<void>()
  const close = () => {
    isClosed = true
    closed.resolve()
  }
  for (const stream of [stdout, stderr]) stream.on('error', close)
  const isRaw = interactive && tty
  let isOver = false
  const handKeysOver = () => {
    if (isRaw && !isOver && !stdin.isRaw) stdin.setRawMode(true)
  }
  return {
    onOutput(name, chunk) {
      // Whoever sees it types for it, before the engine has said that it runs.
      handKeysOver()
      return isClosed ? Promise.resolve() : written(name === 'stdout' ? stdout : stderr, chunk)
    },
    input: interactive ? stdin : undefined,
    terminal: tty ? terminalOf(stdout) : undefined,
    begin(container) {
      handKeysOver()
      // As if it had written to the pipe itself.
      void closed.promise.then(() => container.kill('SIGKILL')).catch(() => {})
    },
    statusOf: (status) => (isClosed ? PIPE_STATUS : status),
    [Symbol.dispose]() {
      isOver = true
      if (isRaw) stdin.setRawMode(false)
      for (const stream of [stdout, stderr]) stream.off('error', close)
      if (!interactive) return
      // An input that stays open would keep the command from ending.
      stdin.unpipe()
      stdin.pause()
      if (stdin instanceof Socket) stdin.unref() // a file is not one, whatever its type says
    },
  }
}

function noStreams(): StandardStreams {
  process.stderr.on('error', () => {}) // the process that shows it leaves
  return {
    onOutput: async () => {},
    input: undefined,
    terminal: undefined,
    begin() {},
    statusOf: (status) => status,
    [Symbol.dispose]() {},
  }
}

/** Resolves even if the write fails: then the reader is gone, which the stream reports by itself. */
const written = (stream: Writable, chunk: Buffer): Promise<void> =>
  new Promise((resolve) => void stream.write(chunk, () => resolve()))

const terminalOf = (stdout: NodeJS.WriteStream): Terminal => ({
  size: () => (stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : undefined),
  onResize(changed) {
    stdout.on('resize', changed)
    return { [Symbol.dispose]: () => void stdout.off('resize', changed) }
  },
})

const CTRL_C_LIMIT = 3

/** Signals go to the container; the third Ctrl-C ends it, whatever it made of the first two. */
export function passOn(container: Container): (signal: NodeJS.Signals) => void {
  let interrupts = 0
  return (signal) => {
    if (signal === 'SIGINT') interrupts += 1
    const sent = interrupts >= CTRL_C_LIMIT ? 'SIGKILL' : signal
    container.kill(sent).catch(() => {}) // it may just have ended
  }
}
