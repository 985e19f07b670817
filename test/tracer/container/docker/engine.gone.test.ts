/** An engine that goes away: a line says so, the container's own status stands if it was known, and the next command removes what was left. */
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dockerEngine } from '../../../support/engine.ts'
import { type Sandbox, sandbox } from '../../../support/headstart.ts'
import { busyboxImage } from '../../../support/images.ts'

const REAL = '/var/run/docker.sock'
let box: Sandbox
let reference: string

beforeAll(async () => {
  box = await sandbox()
  reference = await busyboxImage(join(box.folder, 'image'), { command: 'exit 3' })
})

afterAll(() => box[Symbol.asyncDispose]())

let engines = 0

/** The engine's socket until a request for this comes: then it hangs up on everybody, and is gone. */
async function goneAt(request: RegExp) {
  const open = new Set<Socket>()
  let workspace = ''
  const socket = join(box.folder, `docker-${engines++}.sock`)
  const server = createServer((client) => {
    const engine = connect(REAL)
    for (const end of [client, engine]) open.add(end.on('error', () => {}))
    engine.pipe(client).on('close', () => engine.destroy())
    client.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      workspace = /^POST .*(headstart-\d+-[0-9a-f]{8})/.exec(text)?.[1] ?? workspace
      if (request.test(text)) leave()
      else engine.write(bytes)
    })
  })
  const leave = () => {
    server.close()
    rmSync(socket, { force: true })
    for (const end of open) end.destroy()
  }
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return { env: { DOCKER_HOST: `unix://${socket}` }, workspace: () => workspace, [Symbol.dispose]: leave }
}

/** Containers of a workspace. */
async function heldBy(id: string): Promise<string[]> {
  const docker = await dockerEngine()
  const held = await docker.listContainers({ all: true, filters: { label: [`headstart=${id}`] } })
  return held.flatMap(({ Names }) => Names)
}

const ENDED = `headstart: the Docker engine ended the connection before it had answered
  It may have been stopped or restarted: check whether docker ps responds
`

test.each([
  ['its image is made', /^POST \/images\/create/, { status: 125, stderr: ENDED }],
  ['it is made', /^POST \/containers\/create/, { status: 125, stderr: ENDED }],
  ['its output is asked for', /^POST \S+\/attach/, { status: 125, stderr: ENDED }],
  ['it is started', /^POST \S+\/start/, { status: 125, stderr: ENDED }],
  ['it is waited for', /^POST \S+\/wait/, { status: 125, stderr: ENDED }],
  ['it is removed', /^DELETE \/containers/, { status: 3, stderr: '' }],
])('the engine goes away while %s', async (_, request, outcome) => {
  using engine = await goneAt(request)
  const { env } = engine
  expect(await box.run(['run', '-q', '--engine', 'docker', reference], { env })).toMatchObject(outcome)
  expect(await box.leftovers()).toEqual([])
  expect((await box.run(['doctor', '--clean'])).status).toBe(0)
  expect(await heldBy(engine.workspace())).toEqual([])
})
