/** How slowly a server may send: silence ends at the client's timeouts, a trickle would go on for days. */
import { monotonicMs } from '../../system/clock.ts'
import { HeadstartError } from '../../system/errors.ts'

const SLOWEST_BYTES_PER_S = 1024

/** Passes a stream on. Only the time that its reader waits is counted. */
export class Pace {
  private readonly what: string
  private readonly periodMs: number
  private bytes = 0
  private waitedMs = 0

  /** @param periodMs in each of which the stream must be fast enough on average */
  constructor(what: string, periodMs: number) {
    this.what = what
    this.periodMs = periodMs
  }

  /** May be called again for what the stream goes on with. @throws HeadstartError E_REGISTRY */
  async *keep(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let since = monotonicMs()
    for await (const piece of stream) {
      this.count(piece.length, monotonicMs() - since)
      yield piece
      since = monotonicMs()
    }
  }

  private count(bytes: number, waitedMs: number): void {
    this.bytes += bytes
    this.waitedMs += waitedMs
    if (this.waitedMs < this.periodMs) return
    const seconds = this.waitedMs / 1000
    if (this.bytes < seconds * SLOWEST_BYTES_PER_S)
      throw new HeadstartError(
        'E_REGISTRY',
        `${this.what} arrives too slowly: ${this.bytes} bytes in ${seconds.toFixed(1)} s`,
      )
    this.bytes = 0
    this.waitedMs = 0
  }
}
