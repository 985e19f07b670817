/**
 * Docker's socket answers, but was mounted: its engine is on the other side, where our mounts are only if they were shared. That they are is tried in
 * `test/package/container.test.ts`, with a real engine and a real container.
 */
import { createServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { runCommand } from '../../../../system/process/command.ts'
import { refuseOutside } from '../../../../tracer/container/docker/outside.ts'
import { chooseEngine } from '../../../../tracer/container/index.ts'
import { parseRunOptions } from '../../../../tracer/container/options/parse-run-options.ts'
import { type TempFolder, tempFolder } from '../../../support/temp.ts'

afterEach(() => vi.unstubAllEnvs())

interface FakeEngine extends AsyncDisposable {
  /** what containers it was asked for */
  readonly asked: string[]
}

/** An engine that answers, says where its folder is, and has one answer for whoever asks for a container. */
async function engineAt(temp: TempFolder, folder: string, status = 404): Promise<FakeEngine> {
  const socket = `${temp.path}/${folder.replaceAll('/', '-')}-${status}.sock`
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (!request.url?.includes('/containers/create'))
      return response.end(request.url?.endsWith('/info') ? JSON.stringify({ DockerRootDir: folder }) : '"OK"')
    asked.push(Buffer.concat(await request.toArray()).toString())
    return response.writeHead(status).end('{"message":"no"}')
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  vi.stubEnv('DOCKER_HOST', `unix://${socket}`)
  vi.stubEnv('HEADSTART_TMPDIR', `${temp.path}/work`)
  return {
    asked,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

test('an engine whose folder is here runs containers', async () => {
  await using temp = await tempFolder()
  await using engine = await engineAt(temp, '/var/tmp')
  expect((await chooseEngine()).name).toBe('docker')
  expect(engine.asked).toEqual([])
})

test('one that is outside of this container is not used for what has to reach its container, and it is said', async () => {
  await using temp = await tempFolder()
  await using _engine = await engineAt(temp, '/var/lib/elsewhere')
  const notes: string[] = []
  expect((await chooseEngine(undefined, { onNote: (note) => notes.push(note) })).name).toBe('runc')
  expect(notes).toEqual([
    'the container runs on runc; docker: it runs outside of this container, where a recording does not reach what it starts',
  ])
  await expect(chooseEngine('docker')).rejects.toThrow(/no container engine .* outside of this container/)
})

test.each([
  ['sees nothing of ours', 400],
  ['doesn’t look, and so can’t tell', 404],
])('one that %s is not used to run an image, and it is said what it lacks', async (_, status) => {
  await using temp = await tempFolder()
  // The folder for temporary files lies in a volume, which takes its mounts along when it is removed.
  await runCommand('mount', ['--bind', temp.path, temp.path])
  await using _engine = await engineAt(temp, '/var/lib/elsewhere', status)
  await expect(chooseEngine('docker', { unreached: true })).rejects.toThrow(
    `it runs outside of this container, and sees what is mounted in it only with: docker run --privileged --pid host -v ${temp.path}:${temp.path}:rshared`,
  )
})

test('what would end with this container, or is a path of it, is not asked of an engine outside', () => {
  const options = (volume: string) =>
    parseRunOptions({ volume: [volume] }, { env: {}, folder: '/of/container' })
  expect(() => refuseOutside({ options: {}, detached: true })).toThrow(/^-d is not supported in a container/)
  expect(() => refuseOutside({ options: options('./data:/data') })).toThrow(
    '/of/container/data is a path of this container, and the Docker engine is outside of it',
  )
  expect(() => refuseOutside({ options: options('/data:/data') })).not.toThrow()
})
