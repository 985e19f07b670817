/** What the Docker engine says when it refuses, as one of our errors. */
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { bareComplaint } from './complaint.ts'

/** @throws HeadstartError E_RUN in its words */
export async function asRunError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new HeadstartError(
      'E_RUN',
      `the Docker engine refused the container: ${bareComplaint(messageOf(cause))}`,
      {
        cause,
      },
    )
  }
}

/** What is gone already, has ended, or is going at this moment. */
export function isMissing(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return status === 404 || status === 409
}

/** For the removal of what may be. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
}
