/** What the Docker engine says when it refuses, as one of our errors. */
import { HeadstartError, messageOf } from '../../image/errors.ts'

export async function asRunError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new HeadstartError('E_RUN', `the Docker engine refused the container: ${complaintOf(cause)}`, {
      cause,
    })
  }
}

/** What the engine said, without the layers it went through. */
function complaintOf(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [a-z ]+ - /, '')
    .replace(
      /^(?:(?:failed to create [a-z ]+|OCI runtime create failed|runc create failed|unable to start container process): )+/,
      '',
    )
    .replace(/: unknown$/, '')
}

/** Removal of what is gone already, or is going at this moment. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
    if (status !== 404 && status !== 409) throw error
  })
}
