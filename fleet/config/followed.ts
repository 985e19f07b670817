/** `fleet.yaml` while a command goes on: read again whenever that matters. While it can't be, what it said before holds. */
import { messageOf } from '../../system/errors.ts'
import { type Fleet, readFleet } from './fleet.ts'

export interface FollowedFleet {
  /** as it was read last */
  readonly now: Fleet
  /** @returns what is wrong with the file, in one line; undefined: nothing */
  readAgain(): Promise<string | undefined>
}

/** @throws HeadstartError E_FLEET, E_FILE: the first time it has to be right */
export async function followFleet(file: string): Promise<FollowedFleet> {
  let now = await readFleet(file)
  return {
    get now() {
      return now
    },
    async readAgain() {
      try {
        now = await readFleet(file)
        return undefined
      } catch (error) {
        return `${messageOf(error)}; what it said before still holds`
      }
    },
  }
}
