/** Which engine runs a container when Docker's socket answers, but was mounted: its engine is on the other side, where our mounts are not. */
import { createServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { chooseEngine } from '../../../../tracer/container/index.ts'
import { tempFolder } from '../../../support/temp.ts'

afterEach(() => vi.unstubAllEnvs())

/** An engine that answers and says where its folder is. */
async function engineAt(folder: string): Promise<AsyncDisposable> {
  const temp = await tempFolder()
  const socket = `${temp.path}/docker.sock`
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(request.url?.endsWith('/info') ? JSON.stringify({ DockerRootDir: folder }) : '"OK"')
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  vi.stubEnv('DOCKER_HOST', `unix://${socket}`)
  return {
    async [Symbol.asyncDispose]() {
      server.close()
      await temp[Symbol.asyncDispose]()
    },
  }
}

test('an engine whose folder is here runs containers', async () => {
  await using _engine = await engineAt('/var/tmp')
  expect((await chooseEngine()).name).toBe('docker')
})

test('one that is outside of this container is not used, and it is said', async () => {
  await using _engine = await engineAt('/var/lib/elsewhere')
  const notes: string[] = []
  expect((await chooseEngine(undefined, { onNote: (note) => notes.push(note) })).name).toBe('runc')
  expect(notes).toEqual([
    'the container runs on runc; docker: it runs outside of this container, which its folder /var/lib/elsewhere is not in, and would not see the recording mount',
  ])
  await expect(chooseEngine('docker')).rejects.toThrow(/no container engine .* outside of this container/)
})
