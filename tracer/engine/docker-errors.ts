/** What the Docker engine says when it refuses, as one of our errors. */
import { HeadstartError, messageOf } from '../../image/errors.ts'
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

/** Removal of what is gone already, or is going at this moment. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
    if (status !== 404 && status !== 409) throw error
  })
}
