/** A container's output on its way to whoever asked for it: no faster than that takes it. */
import { Writable } from 'node:stream'
import type { OutputStream, ProcessRequest } from './types.ts'

export const outputOf = ({ onOutput }: Pick<ProcessRequest, 'onOutput'>, name: OutputStream): Writable =>
  outputFrom({ onOutput }, (chunk) => [{ stream: name, bytes: chunk }])

export interface Piece {
  readonly stream: OutputStream
  readonly bytes: Buffer
}

/** @param split what arrives, as pieces of the container's two streams, in order */
export const outputFrom = (
  { onOutput }: Pick<ProcessRequest, 'onOutput'>,
  split: (chunk: Buffer) => readonly Piece[],
): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      const pass = async () => {
        for (const { stream, bytes } of split(chunk)) await onOutput(stream, bytes)
      }
      pass().then(() => done(), done)
    },
  })
