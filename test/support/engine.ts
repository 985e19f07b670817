/** The Docker engine that the tests run on. `scripts/test` starts one; without it these tests fail, and say so. */
import Docker from 'dockerode'

export async function dockerEngine(): Promise<Docker> {
  const docker = new Docker()
  try {
    await docker.ping()
  } catch (cause) {
    throw new Error('This test needs a Docker engine: run it through scripts/test, which starts one', {
      cause,
    })
  }
  return docker
}
