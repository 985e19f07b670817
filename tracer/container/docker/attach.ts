/** A container of the Docker engine and its input, output and terminal. */
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { outputFrom, outputOf } from '../output.ts'
import type { ProcessRequest, Terminal } from '../types.ts'
import { createSplitter } from './frames.ts'

/**
 * The engine would end the connection at these keys, and by default at ones that people type; the container's end is ours. What begins like it
 * is held back until the next key: Ctrl-@ sets a mark, which nobody sees.
 */
const DETACH_KEYS = 'ctrl-@,ctrl-^,ctrl-@,ctrl-^'

export interface Attached {
  /** resolves once all of its output has been passed on */
  readonly ended: Promise<void>
}

/** Call it before the container starts: what it writes first would be lost. */
export async function attach(container: Docker.Container, request: ProcessRequest): Promise<Attached> {
  if (request.detached) return { ended: Promise.resolve() }
  const { interactive = false, tty = false } = request.options
  const stream = await container.attach({
    stream: true,
    stdout: true,
    stderr: true,
    stdin: interactive,
    hijack: interactive,
    ...(tty && interactive && { detachKeys: DETACH_KEYS }),
  })
  const output = tty ? outputOf(request, 'stdout') : outputFrom(request, createSplitter())
  const ended = new Promise<void>((resolve) => {
    output.once('close', resolve)
    stream.once('close', () => output.end())
    stream.once('error', () => output.end()) // the engine closes it when the container is removed
  })
  stream.on('error', () => {})
  output.on('error', () => {})
  stream.pipe(output)
  if (interactive && request.input) passInput(request.input, stream, tty)
  return { ended }
}

/** Ctrl-D: the end of input on a terminal. */
const END_OF_TRANSMISSION = '\x04'

function passInput(input: NodeJS.ReadableStream, stream: NodeJS.WritableStream, tty: boolean): void {
  input.pipe(stream, { end: !tty })
  // With a terminal the engine would take the end of input as the end of output, too.
  if (tty) input.once('end', () => stream.write(END_OF_TRANSMISSION))
}

interface Resizable {
  resize(size: { readonly h: number; readonly w: number }): Promise<unknown>
}

const RESIZE_WAIT_MS = 20
/** A container that has ended takes none either. */
const MOST_RESIZE_WAIT_MS = 500

/**
 * Gives the container's terminal the size of the caller's, now and whenever that changes, until it is disposed. Call it once the container runs:
 * an engine may refuse for a while all the same, until the terminal is there. One size after the other, lest an earlier one arrive last.
 */
export function followSize(container: Resizable, terminal: Terminal | undefined): Disposable {
  let isOver = false
  let isNew = false
  let isGiving = false
  const give = async () => {
    if (isGiving) return
    isGiving = true
    let waitMs = 0
    while (isNew && !isOver) {
      isNew = false
      const size = terminal?.size()
      if (!size || (await isDone(container.resize({ h: size.rows, w: size.columns })))) continue
      isNew = true
      waitMs = Math.min(waitMs + RESIZE_WAIT_MS, MOST_RESIZE_WAIT_MS)
      await sleep(waitMs, undefined, { ref: false })
    }
    isGiving = false
  }
  const follow = () => {
    isNew = true
    void give()
  }
  follow()
  const following = terminal?.onResize(follow)
  return {
    [Symbol.dispose]() {
      isOver = true
      following?.[Symbol.dispose]()
    },
  }
}

const isDone = (action: Promise<unknown>): Promise<boolean> =>
  action.then(
    () => true,
    () => false,
  )
