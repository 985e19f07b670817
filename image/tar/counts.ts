/** How much a tar may hold: what claims more is refused before time is spent on it. */
import type { TarEntry } from './entry.ts'
import { tarError } from './header.ts'

/** More than fits on a container's disk: an archive that claims more only wastes our time. Holes count: a `lastlog` may have a terabyte of them. */
const MAX_CONTENT_BYTES = 2 ** 44
/** Ten times as many files as the largest images have. */
const MAX_ENTRIES = 1 << 23

export class TarCounts {
  private entries = 0
  private contentBytes = 0

  /** @throws HeadstartError E_TAR */
  add({ size }: Pick<TarEntry, 'size'>, where: string): void {
    this.contentBytes += size
    if (this.contentBytes > MAX_CONTENT_BYTES)
      throw tarError(`${where} claims ${size} bytes, which makes ${this.contentBytes} for all files so far`)
    if (++this.entries > MAX_ENTRIES) throw tarError(`it has more than ${MAX_ENTRIES} entries`)
  }
}
