/** Refusals of the Docker engine as HeadstartErrors. */
import { noEngine } from '../../../image/daemon/client.ts'
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { bareComplaint, portInUse, startFault } from '../complaint.ts'

/** @throws HeadstartError E_RUN, E_NOT_EXECUTABLE or E_NO_PROGRAM with the engine's message; E_ENGINE: it is gone */
export async function asRunError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof HeadstartError) throw cause
    const gone = noEngine(cause)
    if (gone) throw gone
    const port = portInUse(messageOf(cause))
    if (port !== undefined)
      throw new HeadstartError('E_RUN', `port ${port} of this machine is in use`, {
        cause,
        hint: 'Publish another port with -p, or stop what uses it; headstart profile needs none: it checks inside the container',
      })
    const said = bareComplaint(messageOf(cause))
    throw new HeadstartError(startFault(said), `the Docker engine refused the container: ${said}`, { cause })
  }
}

/** It is gone already, has ended, or is being removed. */
export function isMissing(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return status === 404 || status === 409
}

/** For removing what may not exist. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
}
