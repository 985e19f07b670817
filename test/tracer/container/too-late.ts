/** A recording on an engine that does not start its container in time. */
import { expect } from 'vitest'
import type { Image } from '../../../image/types.ts'
import type { EngineName } from '../../../tracer/container/types.ts'
import { profileImage } from '../../../tracer/profile.ts'

/** Fails unless the recording ends with the limit's error. */
export async function expectTooLate(image: Image, engine: EngineName): Promise<void> {
  const recording = profileImage({
    image,
    engine,
    command: [],
    tool: 'test',
    ready: { by: 'exit' },
    timeoutMs: 5000,
  })
  await expect(recording).rejects.toMatchObject({
    code: 'E_READY_TIMEOUT',
    message: 'the container had not started within 5 s',
  })
}
