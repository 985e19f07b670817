/** A recording on an engine that does not start its container in time. */
import { expect } from 'vitest'
import type { Image } from '../../../image/types.ts'
import type { EngineName } from '../../../tracer/container/types.ts'
import { profileImage } from '../../../tracer/profile.ts'

/**
 * Fails unless the recording ends with the limit's error.
 * @param isStuck whether the engine had got as far as where it stops. If not, it is given more time: how much it takes is the machine's to say.
 */
export async function expectTooLate(
  image: Image,
  engine: EngineName,
  isStuck: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let seconds = 1; ; seconds *= 2) {
    const recording = profileImage({
      image,
      engine,
      command: [],
      tool: 'test',
      ready: { by: 'exit' },
      timeoutMs: seconds * 1000,
    })
    await expect(recording).rejects.toMatchObject({
      code: 'E_READY_TIMEOUT',
      message: `the container had not started within ${seconds} s`,
    })
    if (await isStuck()) return
  }
}
