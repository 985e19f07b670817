/** Memory that jobs take and give back: buffers of several sizes, used again and again. */

/** Buffers wait here for the next job. Collecting them as garbage costs more memory than they have. */
const MAX_FREE_BYTES = 8 << 20
const SMALLEST_BUFFER = 1 << 20

export function createBuffers() {
  const free: ArrayBuffer[] = []
  let bytes = 0
  return {
    take(size: number): ArrayBuffer {
      const at = free.findIndex(({ byteLength }) => byteLength >= size)
      const [found] = at === -1 ? [] : free.splice(at, 1)
      if (found === undefined)
        return new ArrayBuffer(Math.max(SMALLEST_BUFFER, 2 ** Math.ceil(Math.log2(size))))
      bytes -= found.byteLength
      return found
    },
    giveBack(buffer: ArrayBuffer) {
      if (bytes + buffer.byteLength > MAX_FREE_BYTES) return
      bytes += buffer.byteLength
      free.push(buffer)
      free.sort((a, b) => a.byteLength - b.byteLength)
    },
  }
}
