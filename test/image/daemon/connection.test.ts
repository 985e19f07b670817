/** Which engine is meant, as the docker command would find it. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { connectEngine, connectLocalEngine, engineHost } from '../../../image/daemon/connection.ts'
import { HANG_MS } from '../../../scripts/support/until.ts'
import { tempFolder } from '../../support/temp.ts'

async function configured(config: unknown, contexts: Record<string, string>) {
  const temp = await tempFolder()
  await writeFile(
    join(temp.path, 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  )
  for (const [name, host] of Object.entries(contexts)) {
    const folder = join(temp.path, 'contexts/meta', createHash('sha256').update(name).digest('hex'))
    await mkdir(folder, { recursive: true })
    const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } }
    await writeFile(join(folder, 'meta.json'), JSON.stringify(meta))
  }
  return { env: { DOCKER_CONFIG: temp.path }, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() }
}

const USUAL = 'unix:///var/run/docker.sock'

test('the usual socket without anything said, and with a config that is none', async () => {
  expect(await engineHost({ DOCKER_CONFIG: '/nowhere' })).toBe(USUAL)
  await using broken = await configured('not JSON', {})
  expect(await engineHost(broken.env)).toBe(USUAL)
  await using plain = await configured({ currentContext: 'default' }, {})
  expect(await engineHost(plain.env)).toBe(USUAL)
})

test('DOCKER_HOST before DOCKER_CONTEXT before the current context', async () => {
  const contexts = { rootless: 'unix:///run/user/1000/docker.sock', other: 'unix:///other.sock' }
  await using config = await configured({ currentContext: 'rootless' }, contexts)
  expect(await engineHost(config.env)).toBe(contexts.rootless)
  expect(await engineHost({ ...config.env, DOCKER_CONTEXT: 'other' })).toBe(contexts.other)
  expect(await engineHost({ ...config.env, DOCKER_CONTEXT: 'other', DOCKER_HOST: 'unix:///mine' })).toBe(
    'unix:///mine',
  )
})

test('a remote engine is refused, without its password', async () => {
  const env = { DOCKER_HOST: 'ssh://me:hunter2@far.example' }
  await expect(connectLocalEngine({ env })).rejects.toMatchObject({ code: 'E_REMOTE_ENGINE' })
  await expect(connectLocalEngine({ env })).rejects.toThrow(
    /^the Docker engine at ssh:\/\/\*\*\*@far\.example is remote$/,
  )
  await expect(connectLocalEngine({ env: { DOCKER_HOST: 'tcp://10.0.0.1:2375' } })).rejects.toThrow(/remote/)
})

test('a context that isn’t there is named', async () => {
  await using config = await configured({}, {})
  await expect(engineHost({ ...config.env, DOCKER_CONTEXT: 'gone' })).rejects.toThrow(/context "gone"/)
})

test('images are had from a remote engine too, by its address, and from one behind a context on this machine', async () => {
  const modem = async (env: Record<string, string>) => (await connectEngine({ env })).modem
  await using config = await configured(
    { currentContext: 'rootless' },
    { rootless: 'unix:///run/user/1000/docker.sock', far: 'tcp://10.0.0.1:2376' },
  )
  expect(await modem(config.env)).toMatchObject({ socketPath: '/run/user/1000/docker.sock' })
  const far = connectEngine({ env: { ...config.env, DOCKER_CONTEXT: 'far' } })
  await expect(far).rejects.toMatchObject({ code: 'E_REMOTE_ENGINE' })
  vi.stubEnv('DOCKER_HOST', 'tcp://10.0.0.1:2375')
  try {
    const env = { DOCKER_HOST: 'tcp://10.0.0.1:2375' }
    expect(await modem(env)).toMatchObject({ host: '10.0.0.1', port: '2375' })
  } finally {
    vi.unstubAllEnvs()
  }
})

test('when the engine ends in the middle of an answer, the request fails', async () => {
  await using temp = await tempFolder()
  const socket = join(temp.path, 'socket')
  const server = createServer((engine) => {
    engine
      .on('error', () => {})
      .once('data', () => {
        const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n'
        engine.end(`${head}{"StatusCode"`)
      })
  }).listen(socket)
  await once(server, 'listening')
  const engine = await connectEngine({ env: { DOCKER_HOST: `unix://${socket}` } })
  await expect(engine.getContainer('web').wait()).rejects.toMatchObject({
    code: 'E_ENGINE',
    message: 'the Docker engine ended the connection before it had answered',
  })
  server.close()
})

test('an engine that doesn’t answer: the limit says so, and the signal’s reason is passed on', async () => {
  const temp = await tempFolder()
  const server = createServer(() => {}).listen(join(temp.path, 'socket'))
  await once(server, 'listening')
  const env = { DOCKER_HOST: `unix://${join(temp.path, 'socket')}` }
  const late = (await connectEngine({ env, limitMs: 50 })).info()
  await expect(late).rejects.toMatchObject({
    code: 'E_ENGINE',
    message: 'the Docker engine has not answered within 0.05 s',
  })
  const interrupt = new AbortController()
  const asked = (await connectEngine({ env, signal: interrupt.signal, limitMs: HANG_MS })).info()
  interrupt.abort(new Error('interrupted'))
  await expect(asked).rejects.toThrow('interrupted')
  server.close()
  await temp[Symbol.asyncDispose]()
})
