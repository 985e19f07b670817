/** Commands as processes of their own: what they print, why they fail, how they are stopped, and that they don't outlive us. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHeadstart } from '../../../fleet/perform/child.ts'
import { until } from '../../../scripts/support/until.ts'
import { hasEnded } from '../../../system/process/owner.ts'
import { HEADSTART } from '../../support/headstart.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

let temp: TempFolder
beforeAll(async () => {
  temp = await tempFolder()
})
afterAll(() => temp[Symbol.asyncDispose]())

const never = new AbortController().signal

/** A program in place of headstart. */
async function run(
  script: string,
  { signal = never, secrets = [] }: { signal?: AbortSignal; secrets?: string[] } = {},
) {
  const log: string[] = []
  const ended = await runHeadstart(['one'], {
    program: [process.execPath, '-e', script],
    signal,
    log: (line) => log.push(line),
    secrets,
  })
  return { ...ended, log }
}

test('its result is what it prints; its log is bounded, made visible, and without secrets', async () => {
  const { status, lines, log, fault } = await run(
    `console.log('{"a":1}\\n{"a":2}'); console.error('\\x1b[31mred\\x1b[0m\\rthen hunter2hunter2\\n\\n' + 'x'.repeat(1e6) + '\\nlast')`,
    { secrets: ['hunter2hunter2'] },
  )
  expect({ status, lines, fault }).toEqual({ status: 0, lines: ['{"a":1}', '{"a":2}'], fault: undefined })
  expect(log).toEqual([String.raw`\u001b[31mred\u001b[0m`, 'then ***', `${'x'.repeat(499)}…`, 'last'])
})

test('headstart itself says with which code it failed', async () => {
  const log: string[] = []
  const ended = await runHeadstart(['inspect', `oci:${temp.path}/none`], {
    program: [process.execPath, HEADSTART],
    signal: never,
    log: (line) => log.push(line),
    secrets: [],
  })
  expect(ended).toMatchObject({ status: 1, lines: [], fault: { code: expect.stringMatching(/^E_/) } })
  expect(log[0]).toBe(`headstart: ${ended.fault?.message}`)
})

test('one that is killed has no status, and what it says of itself is checked', async () => {
  const killed = await run(`process.send({ code: 1 }); process.kill(process.pid, 'SIGKILL')`)
  expect(killed).toMatchObject({ status: undefined, fault: undefined })
})

test('the environment of what starts it reaches it, but for what is the fleet’s own', async () => {
  process.env.HEADSTART_QUEUE = 'redis://:secret@x'
  process.env.HEADSTART_FLEET_SECRET = 'secret'
  try {
    const { lines } = await run(
      `console.log(JSON.stringify(Object.keys(process.env).filter((name) => /^(HEADSTART_|PATH$)/.test(name)).sort()))`,
    )
    expect(JSON.parse(lines[0] ?? '')).toEqual(
      [
        'HEADSTART_PARENT',
        'PATH',
        ...Object.keys(process.env).filter((name) => /^HEADSTART_(?!QUEUE|FLEET_)/.test(name)),
      ].toSorted(),
    )
  } finally {
    delete process.env.HEADSTART_QUEUE
    delete process.env.HEADSTART_FLEET_SECRET
  }
})

test('when the signal aborts it is told to stop, and waited for', async () => {
  const stop = new AbortController()
  const log: string[] = []
  const running = runHeadstart([], {
    program: [
      process.execPath,
      '-e',
      `process.on('SIGTERM', () => { console.error('cleaned up'); process.exit(143) }); console.error('running'); setInterval(() => {}, 1000)`,
    ],
    signal: stop.signal,
    log: (line) => log.push(line),
    secrets: [],
  })
  const ended = expect(running).rejects.toBe('enough')
  await until('it runs', () => log.includes('running'))
  stop.abort('enough')
  await ended
  expect(log).toEqual(['running', 'cleaned up'])
})

test('a result without an end is cut off', async () => {
  await expect(
    run(`const x = 'x'.repeat(1 << 20); setInterval(() => process.stdout.write(x), 0)`),
  ).rejects.toMatchObject({
    code: 'E_TOO_LARGE',
  })
})

test('a program that is not there is an error', async () => {
  await expect(
    runHeadstart([], { program: [`${temp.path}/none`], signal: never, log: () => {}, secrets: [] }),
  ).rejects.toMatchObject({ code: 'E_COMMAND' })
})

/** Starts a command as the fleet does, which never ends, and tells its pid. */
const PARENT = `
import { runHeadstart } from ${JSON.stringify(fileURLToPath(new URL('../../../fleet/perform/child.ts', import.meta.url)))}
await runHeadstart([], {
  program: [process.execPath, '--input-type=module', '-e', \`
    const { whenParentGone } = await import(${JSON.stringify(fileURLToPath(new URL('../../../system/process/parent.ts', import.meta.url)))})
    const alive = setInterval(() => {}, 1000)
    whenParentGone(() => clearInterval(alive))
    console.error('pid ' + process.pid)
  \`],
  signal: new AbortController().signal,
  log: (line) => console.log(line),
  secrets: [],
})
`

test('a command doesn’t outlive what started it, even where that is killed', async () => {
  const file = `${temp.path}/parent.ts`
  await writeFile(file, PARENT)
  const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  parent.stdout.on('data', (piece: Buffer) => {
    said += piece.toString()
  })
  await until('it runs', () => /pid \d+/.test(said))
  const pid = Number(/pid (\d+)/.exec(said)?.[1])
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await until('the command has ended, too', () => hasEnded(pid))
})
