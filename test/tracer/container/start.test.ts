/** A start and its end in the orders that an engine may tell of them. */
import { EventEmitter } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { exists } from '../../../system/files/exists.ts'
import { runCommand } from '../../../system/process/command.ts'
import { createWorkspace } from '../../../system/workspace.ts'
import type { ReadyCheck } from '../../../tracer/container/readiness/readiness.ts'
import { type StartOptions, startContainer } from '../../../tracer/container/start.ts'
import type { Container, Engine, OutputStream } from '../../../tracer/container/types.ts'
import { profileImage } from '../../../tracer/profile.ts'
import { busyboxImage, NO_PROCESS } from '../../support/images.ts'
import { tempFolder } from '../../support/temp.ts'
import { expectTooLate } from './too-late.ts'

/** Ends with 0 at once. What it does on the way, and what it answers, is told by the engine in this order. */
async function startOf(
  ready: ReadyCheck,
  tell: (out: (stream: OutputStream, text: string) => void, end: () => void) => void,
  { exec = async () => 1, finish }: Pick<StartOptions, 'finish'> & Partial<Pick<Container, 'exec'>> = {},
) {
  await using workspace = await createWorkspace()
  const { promise: exited, resolve } = Promise.withResolvers<number>()
  const engine: Engine = {
    name: 'runc',
    unavailable: async () => undefined,
    sweep: async () => {},
    async run(request) {
      await request.beforeStart()
      tell(
        (stream, text) => request.onOutput(stream, Buffer.from(text)),
        () => resolve(0),
      )
      return {
        address: '127.0.0.1',
        ports: new Map(),
        exited,
        exec,
        kill: async () => {},
        [Symbol.asyncDispose]: async () => {},
      }
    },
  }
  await using started = await startContainer({
    engine,
    workspace,
    root: workspace.folder,
    config: NO_PROCESS,
    command: ['program'],
    ready,
    ...(finish && { finish }),
  })
  return await started.untilReady()
}

const log: ReadyCheck = { by: 'log', pattern: /^ready$/ }

test('a program that says that it is ready, and ends, was ready', async () => {
  const all = (out: (stream: OutputStream, text: string) => void, end: () => void) => {
    out('stdout', 'ready\n')
    end()
  }
  expect((await startOf(log, all)).ready.by).toBe('log')
  const later = startOf(log, (out, end) => setImmediate(() => all(out, end)))
  expect((await later).ready.by).toBe('log')
})

test('a program that ends without having said so was not', async () => {
  await expect(startOf(log, (_, end) => end())).rejects.toMatchObject({ code: 'E_EXIT' })
  expect((await startOf({ by: 'exit' }, (_, end) => end())).ready.by).toBe('exit')
  expect((await startOf({ by: 'period', ms: 60_000 }, (_, end) => end())).ready.by).toBe('exit')
})

test('an interrupt between the first output and the engine’s word that it runs ends the wait', async () => {
  const interrupts = new EventEmitter()
  const finishing = new AbortController()
  const finish = () => {
    interrupts.once('SIGINT', () => finishing.abort())
    return finishing.signal
  }
  const untilInterrupt = startOf(
    { by: 'interrupt' },
    (out) => {
      expect(interrupts.emit('SIGINT'), 'nothing to keep yet').toBe(false)
      out('stdout', 'started')
      expect(interrupts.emit('SIGINT'), 'nobody listens').toBe(true)
    },
    { finish },
  )
  expect((await untilInterrupt).ready.by).toBe('interrupt')
})

test('a question that was under way when it ended is waited for, and none is asked after it', async () => {
  const health: ReadyCheck = { by: 'health', command: ['check'] }
  for (const status of [0, 1]) {
    let asked = 0
    const ended = Promise.withResolvers<void>()
    const outcome = startOf(health, (_, end) => setImmediate(() => [end(), ended.resolve()]), {
      exec: async () => {
        asked++
        await ended.promise
        await new Promise((resolve) => setImmediate(resolve)) // its end is known by then
        return status
      },
    })
    if (status === 0) expect((await outcome).ready.by).toBe('health')
    else await expect(outcome).rejects.toMatchObject({ code: 'E_EXIT' })
    expect(asked).toBe(1)
  }
})

/** Makes the container, and starts it only when commands were run in it, or could have been: what `runc run` may do on a busy machine. */
const SLOW_RUNC = `#!/bin/sh
real=$(PATH=$REAL_PATH command -v runc)
case " $* " in
*' exec '*) "$real" "$@"; status=$?; echo $status >> "$LOG"; exit $status;;
*' run '*) ;;
*) exec "$real" "$@";;
esac
for id; do :; done
root=$2
for arg; do shift; [ "$arg" = run ] && arg=create; set -- "$@" "$arg"; done
"$real" "$@" < /dev/null || exit 1
sleep 1
echo started >> "$LOG"
"$real" --root "$root" start "$id"
while "$real" --root "$root" state "$id" 2> /dev/null | grep -q '"status": "running"'; do sleep 0.1; done
"$real" --root "$root" delete "$id"
`

test('nothing is run in a runc container before its own program', async () => {
  await using temp = await tempFolder()
  const programs = await temp.sub('bin')
  const logFile = join(temp.path, 'log')
  await writeFile(join(programs, 'runc'), SLOW_RUNC)
  await chmod(join(programs, 'runc'), 0o755)
  await using source = await openSource(
    await busyboxImage(await temp.sub('image'), { command: 'exec sleep 60' }),
  )
  const before = { ...process.env }
  try {
    Object.assign(process.env, { REAL_PATH: before.PATH, PATH: `${programs}:${before.PATH}`, LOG: logFile })
    expect((await runCommand('runc', ['--version'])).length).toBeGreaterThan(0)
    const { trace } = await profileImage({
      image: await source.image(),
      engine: 'runc',
      command: [],
      tool: 'test',
      run: { network: 'none' },
      ready: { by: 'health', command: ['/bin/busybox', 'true'] },
    })
    expect(trace.files.find(({ path }) => path === 'bin/sh')).toMatchObject({ afterReady: false })
    expect((await readFile(logFile, 'utf8')).split('\n')[0]).toBe('started')
  } finally {
    process.env.PATH = before.PATH
    delete process.env.REAL_PATH
    delete process.env.LOG
  }
})

/** Never gets as far as a container. */
const STUCK_RUNC = `#!/bin/sh
case " $* " in
*' run '*) echo $$ > "$LOG"; sleep 1000; exit 1;;
*) PATH=$REAL_PATH exec runc "$@";;
esac
`

test('the limit counts while runc starts the container, and a runc that is stuck is ended', async () => {
  await using temp = await tempFolder()
  const programs = await temp.sub('bin')
  const logFile = join(temp.path, 'log')
  await writeFile(join(programs, 'runc'), STUCK_RUNC)
  await chmod(join(programs, 'runc'), 0o755)
  await using source = await openSource(await busyboxImage(await temp.sub('image'), { command: 'true' }))
  const before = { ...process.env }
  try {
    Object.assign(process.env, { REAL_PATH: before.PATH, PATH: `${programs}:${before.PATH}`, LOG: logFile })
    await expectTooLate(await source.image(), 'runc', () => exists(logFile))
    const pid = (await readFile(logFile, 'utf8')).trim()
    await expect(readFile(`/proc/${pid}/cmdline`)).rejects.toThrow(/ENOENT/)
  } finally {
    process.env.PATH = before.PATH
    delete process.env.REAL_PATH
    delete process.env.LOG
  }
})
