/** Passwords and tokens given to a command are in nothing that it prints, writes, leaves or starts. */

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRegistry } from '../../scripts/support/registry.ts'
import { serve } from '../../scripts/support/serve.ts'
import { type Outcome, type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'

/** Another one in every run, since other runs may be going on on this machine. */
const CANARY = `canary${randomBytes(6).toString('hex')}`

let box: Sandbox
let image: string

beforeAll(async () => {
  box = await sandbox()
  image = await busyboxImage(join(box.folder, 'image'), {
    command: 'echo started; sleep 60',
    config: { Env: ['PATH=/bin', `DB_PASSWORD=${CANARY}-image`, `DB_URL=postgres://me:${CANARY}@db/x`] },
  })
})
afterAll(() => box[Symbol.asyncDispose]())

/** What a command is started with is everybody's to read: looked at again and again while it runs. */
async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome & { argv: string[] }> {
  const argv = new Set<string>()
  let over = false
  const watching = (async () => {
    while (!over) {
      for (const line of await childLines()) argv.add(line)
      await sleep(20)
    }
  })()
  const outcome = await box.run(args, { env })
  over = true
  await watching
  return { ...outcome, argv: [...argv] }
}

/** Command lines with the canary, but for the command's own, and for those in a container, which are what they are. */
async function childLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const own = await readFile('/proc/self/status', 'utf8')
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const status = await textOf(pid, 'status') // first: where a process is can't be asked once it has ended
      const line = (await textOf(pid, 'cmdline')).replaceAll('\0', ' ')
      if (!line.includes(CANARY) || line.includes('headstart.js')) return ''
      return depthOf(status) > depthOf(own) ? '' : line
    }),
  )
  return lines.filter((line) => line !== '')
}

const textOf = (pid: string, name: string): Promise<string> =>
  readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')

/** How many namespaces of processes are within each other there. */
const depthOf = (status: string): number => status.match(/^NSpid:.*$/m)?.[0].split('\t').length ?? 0

async function expectClean(
  outcome: Outcome & { argv: string[] },
  files: readonly string[] = [],
): Promise<void> {
  for (const text of [outcome.stdout, outcome.stderr, ...outcome.argv]) expect(text).not.toContain(CANARY)
  for (const file of files) expect(await readFile(join(box.folder, file), 'utf8'), file).not.toContain(CANARY)
}

const SECRETS = [
  ...['-e', `SECRET=${CANARY}`, '-e', 'TOKEN', `--env=OTHER=${CANARY}`],
  ...['--network', 'host'],
]
const ENV = { TOKEN: CANARY }

test.each(['runc', 'docker'])('a start under %s, and its trace', async (engine) => {
  const command = [
    '--',
    '/bin/sh',
    '-c',
    `API_TOKEN=${CANARY} true; echo started; sleep 60`,
    '--password',
    CANARY,
  ]
  const ready = ['--ready-exec', `test "$SECRET" = ${CANARY} && : -u me:${CANARY}`]
  const args = ['profile', image, '--engine', engine, ...SECRETS, ...ready, '-o', 'trace.json', ...command]
  const outcome = await run(args, ENV)
  expect(outcome.status, outcome.stderr).toBe(0)
  // The command that is run in the container to see whether it is ready is seen in the process list, as that in it is.
  await expectClean({ ...outcome, argv: outcome.argv.filter((line) => !/^runc .* exec /.test(line)) }, [
    'trace.json',
  ])
  await expectClean(await run(['report', 'trace.json', '-o', 'report.html']), ['report.html'])
  await expectClean(await run(['trace', 'show', 'trace.json']))
})

test.each(['runc', 'docker'])('a failure under %s, with all details', async (engine) => {
  const script = 'echo "$SECRET $TOKEN $OTHER $DB_PASSWORD $DB_URL"; exit 3'
  const args = ['--debug', '-q', 'profile', image, '--engine', engine, ...SECRETS, '--ready-log', 'never']
  const outcome = await run([...args, '--', '/bin/sh', '-c', script], ENV)
  expect(outcome.stderr).toMatch(/status 3.*it wrote: \*\*\* \*\*\* \*\*\* \*\*\* postgres:\/\/\*\*\*@db\/x/)
  await expectClean(outcome)
  for (const more of [
    ['-u', 'nobody-here'],
    ['--entrypoint', '/no/such/program'],
  ])
    await expectClean(await run([...args, ...more], ENV))
})

test('requests: for readiness, and of a script', async () => {
  await using server = await serve(createServer((_, response) => response.end('ok')))
  const url = `http://me:${CANARY}@localhost:${server.port}/health?token=${CANARY}`
  await writeFile(join(box.folder, 'script'), `GET ${url}\nhttp://me:${CANARY}@localhost:1/\n`)
  const args = ['profile', image, '--engine', 'runc', '--network', 'host', '--ready-http', url]
  const outcome = await run([...args, '--script', 'script', '-o', 'http.json'])
  expect(outcome.stderr).toMatch(/200 {2}http:\/\/\*\*\*@localhost/)
  await expectClean(outcome, ['http.json'])
  await expectClean(await run([...args, '--ready-body', 'never', '--timeout', '1s']))
  await writeFile(join(box.folder, 'script'), `FETCH ${url}\n`)
  await expectClean(await run([...args, '--script', 'script']))
})

test('a measurement, and the report of it', async () => {
  const own = ['--samples', '1', '--warmups', '0', '-o', 'bench.json', '--ready-exec', `: -u me:${CANARY}`]
  const optimized = await box.run([
    'optimize',
    image,
    'oci:fast:latest',
    '--ready-log',
    'started',
    '--engine',
    'runc',
  ])
  expect(optimized.status, optimized.stderr).toBe(0)
  for (const format of [['markdown', '--arms', 'legacy'], ['json']]) {
    const outcome = await run(
      ['bench', image, 'oci:fast:latest', ...own, ...SECRETS, '--format', ...format],
      ENV,
    )
    expect(outcome.status, outcome.stderr).toBe(0)
    await expectClean({ ...outcome, argv: outcome.argv.filter((line) => !/^runc .* exec /.test(line)) }, [
      'bench.json',
    ])
  }
  await expectClean(await run(['report', 'bench.json', '-o', 'report.html']), ['report.html'])
})

test('a measurement with an engine of its own', async () => {
  const own = [
    '--runtime',
    'docker',
    '--arms',
    'legacy',
    '--samples',
    '1',
    '--warmups',
    '0',
    '-o',
    'docker.json',
  ]
  const outcome = await run(['bench', image, image, ...own, ...SECRETS, '--ready-log', 'started'], ENV)
  expect(outcome.status, outcome.stderr).toBe(0)
  await expectClean(outcome, ['docker.json'])
})

test('credentials of a registry, right and wrong', async () => {
  await using registry = await startRegistry({ auth: { user: 'me', password: CANARY } })
  const config = (password: string) =>
    JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from(`me:${password}`).toString('base64') } } })
  await mkdir(join(box.folder, 'docker'), { recursive: true })
  for (const password of [CANARY, `${CANARY}-wrong`]) {
    await writeFile(join(box.folder, 'docker/config.json'), config(password))
    const env = { DOCKER_CONFIG: join(box.folder, 'docker') }
    const outcome = await run(['--debug', 'copy', image, `docker://${registry.host}/x:1`], env)
    expect(outcome.status === 0, outcome.stderr).toBe(password === CANARY)
    await expectClean(outcome)
    for (const text of [outcome.stderr, outcome.stdout])
      expect(text).not.toContain(Buffer.from(`me:${CANARY}`).toString('base64').slice(0, 16))
  }
  await expectClean(await run(['inspect', `me:${CANARY}@${registry.host}/x:1`]))
  await expectClean(await run(['inspect', `docker://me:${CANARY}@${registry.host}/x:1`]))
})

test('a password in whatever was mistyped', async () => {
  const url = `https://me:${CANARY}@reg.example/x:1`
  for (const args of [
    ['inspect', url],
    ['inspect', `https://reg.example/x?token=${CANARY}`],
    ['inspect', `docker://me:${CANARY}/with@signs@reg.example/x:1`],
    ['inspect', `me:${CANARY}@reg.example`],
    ['inspect', `me:${CANARY}@reg.example:5000/x`],
    ['inspect', `oci:${url}`],
    ['inspect', '--ca-file', url, 'reg.invalid/x'],
    ['inspect', '--platform', url, image],
    ['report', url],
    ['profile', '--ready-http', url.replace('example', 'example:99999'), image],
    ['profile', `--password=${CANARY}`, image],
  ]) {
    const outcome = await run(['--debug', ...args])
    expect(outcome.status).not.toBe(0)
    await expectClean(outcome)
  }
})

test.each(['me:PW@127.0.0.1:1', 'http://me:PW@:bad:port', 'http://me:PW%ZZ@127.0.0.1:1'])(
  'the password of a proxy that is none: %s',
  async (proxy) => {
    const env = { HTTPS_PROXY: proxy.replace('PW', CANARY), HTTP_PROXY: '' }
    const outcome = await run(['--debug', 'inspect', 'docker://reg.invalid/x:1'], env)
    expect(outcome.stderr).toMatch(/^headstart: the proxy that HTTPS_PROXY or HTTP_PROXY names /m)
    await expectClean(outcome)
  },
)
