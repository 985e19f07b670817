/** Members that are compressed already, found by the bytes of the tar they hold. */
import type { Digest } from '../image/types.ts'
import type { Range } from './members.ts'

export interface StoredMember {
  /** where its compressed bytes begin in the file of members */
  readonly at: number
  /** compressed bytes */
  readonly size: number
  /** of the chunks in it, in order */
  readonly digests: readonly Digest[]
}

export class MemberCache {
  /** by the first byte of the first range: no two members of one layer share it */
  private readonly members = new Map<
    number,
    { readonly ranges: readonly Range[]; readonly stored: StoredMember }
  >()

  set(ranges: readonly Range[], stored: StoredMember): void {
    this.members.set(ranges[0]?.start ?? -1, { ranges, stored })
  }

  /** @returns the member that holds exactly these bytes */
  get(ranges: readonly Range[]): StoredMember | undefined {
    const found = this.members.get(ranges[0]?.start ?? -1)
    return found && isSame(found.ranges, ranges) ? found.stored : undefined
  }
}

const isSame = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length && a.every(({ start, end }, at) => start === b[at]?.start && end === b[at]?.end)
