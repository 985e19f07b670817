/** An engine that stops answering: an interrupt and the limit are heard at once all the same, and what it makes later is removed. */
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import { until } from '../../../../scripts/support/until.ts'
import { dockerEngine as engineUnderTest } from '../../../../tracer/container/docker/engine.ts'
import { dockerEngine } from '../../../support/engine.ts'
import { type Sandbox, sandbox } from '../../../support/headstart.ts'
import { busyboxImage } from '../../../support/images.ts'
import { type TempFolder, tempFolder } from '../../../support/temp.ts'
import { expectTooLate } from '../too-late.ts'

const REAL = '/var/run/docker.sock'
let temp: TempFolder
let box: Sandbox
let reference: string

beforeAll(async () => {
  temp = await tempFolder()
  box = await sandbox()
  reference = await busyboxImage(await temp.sub('image'), { command: 'exec sleep 60' })
})

afterEach(() => vi.unstubAllEnvs())

afterAll(async () => {
  await box[Symbol.asyncDispose]()
  await temp[Symbol.asyncDispose]()
})

let engines = 0

/** The engine's socket, but that a request reaches the engine only after whoever asked for it has hung up, and is not answered. */
async function holding(request: RegExp) {
  const held: Socket[] = []
  let workspace = ''
  const server = createServer((client) => {
    const engine = connect(REAL)
    engine.on('error', () => client.destroy()).pipe(client)
    client.on('error', () => {}).on('close', () => engine.end())
    let late: Buffer[] | undefined
    client.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      workspace = /^POST .*(headstart-\d+-[0-9a-f]{8})/.exec(text)?.[1] ?? workspace
      if (late === undefined && request.test(text)) {
        late = []
        held.push(client)
        engine.unpipe(client).resume()
        client.removeAllListeners('close').on('close', () => engine.end(Buffer.concat(late ?? [])))
      }
      if (late) late.push(bytes)
      else engine.write(bytes)
    })
  })
  const socket = join(temp.path, `docker-${engines++}.sock`)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  vi.stubEnv('DOCKER_HOST', `unix://${socket}`)
  return { held, workspace: () => workspace, [Symbol.asyncDispose]: async () => void server.close() }
}

/** What the engine has of a workspace. */
async function heldBy(id: string): Promise<string[]> {
  const docker = await dockerEngine()
  const containers = await docker.listContainers({ all: true, filters: { label: [`headstart=${id}`] } })
  const images = await docker.listImages()
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.endsWith(`:${id}`)),
  ]
}

test('the limit counts while Docker starts the container, and one that comes up late is removed', async () => {
  await using engine = await holding(/^POST \S+\/start /)
  await using source = await openSource(reference)
  await expectTooLate(await source.image(), 'docker', () => engine.held.length > 0)
  expect(engine.held).toHaveLength(1)
  vi.unstubAllEnvs()
  expect(await heldBy(engine.workspace())).toEqual([])
})

test.each([
  ['the image is made', /^POST \/images\/create/],
  ['the container is made', /^POST \/containers\/create/],
  ['its output is asked for', /^POST \S+\/attach/],
  ['it is looked at', /^GET \/containers\/[0-9a-f]+\/json/],
])(
  'an engine that stops answering when %s: an interrupt ends the command, and the next one sweeps',
  async (_, request) => {
    await using engine = await holding(request)
    const args = ['profile', reference, '--engine', 'docker', '--ready-exit', '-o', 'trace.json']
    const { status, stderr } = await box.run(args, {
      env: { DOCKER_HOST: process.env.DOCKER_HOST ?? '' },
      meanwhile: async ({ kill }) => {
        await until('it is asked', () => engine.held.length > 0)
        kill('SIGINT')
      },
    })
    expect(stderr).toMatch(/^headstart: interrupted$/m)
    expect(status).toBe(130)
    expect(await box.leftovers()).toEqual([])
    // What reaches the engine after the command has ended is carried out.
    await until('nothing is left', async () => {
      await box.run(['doctor', '--clean'])
      return (await heldBy(engine.workspace())).length === 0
    })
  },
)

test('an engine that does not even answer whether it is there', async () => {
  await using engine = await holding(/^GET \/_ping/)
  const interrupt = new AbortController()
  const asked = engineUnderTest.unavailable({ signal: interrupt.signal })
  await until('it is asked', () => engine.held.length > 0)
  interrupt.abort(new Error('interrupted'))
  await expect(asked).rejects.toThrow('interrupted')
})
