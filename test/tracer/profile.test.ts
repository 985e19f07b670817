/** Recorded starts of real containers, in Docker and in runc. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UnpackProgress } from '../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../image/sources.ts'
import type { Image } from '../../image/types.ts'
import { freePort } from '../../scripts/support/serve.ts'
import { HANG_MS, until } from '../../scripts/support/until.ts'
import type { EngineName } from '../../tracer/container/types.ts'
import type { ServerName } from '../../tracer/mount/mount.ts'
import { type ProfileOptions, profileImage } from '../../tracer/profile.ts'
import type { Trace } from '../../tracer/trace/file.ts'
import { busyboxImage } from '../support/images.ts'
import { dir, file, symlink } from '../support/tar.ts'
import { type TempFolder, tempFolder } from '../support/temp.ts'
import { leftovers } from './leftovers.ts'

let temp: TempFolder
let image: Image

beforeAll(async () => {
  temp = await tempFolder()
  const reference = await busyboxImage(await temp.sub('image'), {
    command: 'cat /app/current >/dev/null; echo started; sleep 60',
    app: [
      dir('app/'),
      file('app/1.txt', 'x'.repeat(10_000)),
      symlink('app/current', '1.txt'),
      file('app/unread.txt', 'y'),
      file('app/late.txt', 'z'),
      dir('data/'),
      file('data/in-volume', 'v'),
      dir('www/'),
      file('www/index.html', 'hello'),
    ],
    config: { Volumes: { '/data': {} }, Env: ['PATH=/bin', 'DB_PASSWORD=hunter2!'] },
  })
  await using source = await openSource(reference)
  image = await source.image()
})

afterAll(async () => {
  await temp[Symbol.asyncDispose]()
  expect(await leftovers()).toEqual([])
})

const shell = (script: string) => ['/bin/sh', '-c', script]

const record = (engine: EngineName, options: Partial<ProfileOptions> = {}) =>
  profileImage({
    image,
    engine,
    command: [],
    tool: 'test',
    ready: { by: 'log', pattern: /^started$/ },
    timeoutMs: HANG_MS,
    ...options,
  })

const named = (trace: Trace, path: string) => trace.files.find((one) => one.path === path)

test('both engines see the same, and so do both servers of the mount', async () => {
  // To its end: how far a program gets after it has said that it is ready is chance.
  const start = { command: shell('cat /app/current'), ready: { by: 'exit' as const } }
  const seen = async (engine: EngineName, server: ServerName) =>
    (await record(engine, { ...start, server })).trace.files.map(({ path, ranges }) => [path, ranges]).sort()
  const docker = await seen('docker', 'fuse-native')
  expect(await seen('runc', 'fuse-native')).toEqual(docker)
  expect(await seen('runc', 'kernel')).toEqual(docker)
})

describe.each<EngineName>(['docker', 'runc'])('%s', (engine) => {
  test('records the link and the file behind it, what was read of it, and nothing else', async () => {
    const unpacked: UnpackProgress[] = []
    const { trace, exitCode } = await record(engine, { onUnpack: (progress) => unpacked.push(progress) })
    expect(exitCode).toBeUndefined()
    const { length: layers } = image.layers
    expect(unpacked.at(-1)).toMatchObject({ layer: layers - 1, layers })
    expect(trace.run).toMatchObject({ engine, ready: { by: 'log' }, runs: 1 })
    expect(trace.run.ready.ms).toBeGreaterThan(0)
    expect(trace.image).toMatchObject({ files: 8, diffIds: image.config.diffIds })
    expect(named(trace, 'app/current')).toMatchObject({ type: 'symlink', afterReady: false })
    expect(named(trace, 'app/1.txt')).toMatchObject({ type: 'reg', size: 10_000, ranges: [[0, 10_000]] })
    expect(named(trace, 'bin/busybox')?.ranges.length).toBeGreaterThan(0)
    expect(named(trace, 'app/unread.txt')).toBeUndefined()
    expect(trace.files.map((one) => one.order)).toEqual(trace.files.map((_, index) => index))
  })

  test('what is read after ready is marked, and a declared volume’s content is recorded', async () => {
    const untilTold = 'until [ -e /tmp/go ]; do sleep 0.02; done'
    let output = ''
    const { trace } = await record(engine, {
      command: shell(
        `cat /data/in-volume >/dev/null; echo started; ${untilTold}; cat /app/late.txt; echo; echo done; sleep 60`,
      ),
      onOutput: (_, chunk) => {
        output += chunk
      },
      workload: async (container) => {
        await container.exec(['/bin/touch', '/tmp/go'])
        await until('late.txt is read', () => output.includes('done'))
      },
    })
    expect(named(trace, 'data/in-volume')).toMatchObject({ afterReady: false })
    expect(named(trace, 'app/late.txt')).toMatchObject({ afterReady: true, ranges: [[0, 1]] })
  })

  test('ready over HTTP and TCP, in the container’s own network or the host’s', async () => {
    const port = await freePort()
    const command = shell(`exec httpd -f -p ${port} -h /www`)
    const url = `http://localhost:${port}/index.html`
    const http = await record(engine, { command, ready: { by: 'http', url, status: 200, body: /hello/ } })
    expect(http.trace.run.ready.by).toBe('http')
    expect(named(http.trace, 'www/index.html')?.ranges).toEqual([[0, 5]])
    const tcp = await record(engine, { command, ready: { by: 'tcp', port } })
    expect(tcp.trace.run.ready.by).toBe('tcp')
  })

  test('ready by a command, by its end, or after a period', async () => {
    const exec = await record(engine, {
      command: shell('sleep 0.2; touch /tmp/up; sleep 60'),
      ready: { by: 'exec', command: ['/bin/test', '-e', '/tmp/up'] },
    })
    expect(exec.trace.run.ready).toMatchObject({ by: 'exec' })
    const exit = await record(engine, { command: shell('cat /app/1.txt'), ready: { by: 'exit' } })
    expect(exit).toMatchObject({ exitCode: 0, trace: { run: { ready: { by: 'exit' } } } })
    await expect(record(engine, { command: shell('exit 2'), ready: { by: 'exit' } })).rejects.toThrow(
      /status 2/,
    )
    const period = await record(engine, { ready: { by: 'period', ms: 300 } })
    expect(period.trace.run.ready).toEqual({ by: 'period', ms: null })
  })

  test('runs as the image and the options say', async () => {
    const output: string[] = []
    await using binds = await tempFolder()
    await record(engine, {
      command: ['id; pwd; echo $A; cat /etc/hosts; ls -d /mnt/bind; touch /scratch/x && echo writable'],
      run: {
        entrypoint: shell('').slice(0, 2),
        user: 'web',
        env: ['A=from-outside'],
        workingDir: '/app',
        addHosts: ['db.test:10.1.2.3'],
        binds: [
          { type: 'bind', source: binds.path, target: '/mnt/bind', readOnly: true },
          { type: 'tmpfs', source: '', target: '/scratch', readOnly: false },
        ],
      },
      ready: { by: 'exit' },
      onOutput: (_stream, chunk) => output.push(chunk.toString()),
    })
    const text = output.join('')
    expect(text).toMatch(/uid=1000\(web\) gid=1000\(web\) groups=.*1001\(extra\)/)
    for (const line of ['/app', 'from-outside', '/mnt/bind', 'writable'])
      expect(text.split('\n')).toContain(line)
    expect(text).toMatch(/10\.1\.2\.3\s+db\.test/)
  })

  test('the host’s folder is made as docker run does: with -v, not with --mount', async () => {
    const at = join(temp.path, `made-${engine}`)
    const bind = { type: 'bind', source: join(at, 'deep'), target: '/made', readOnly: false } as const
    const start = { command: shell('echo hello > /made/file; echo started'), ready: { by: 'exit' as const } }
    await expect(record(engine, { ...start, run: { binds: [bind] } })).rejects.toMatchObject({
      code: 'E_OPTION',
      message: `${at}/deep does not exist on this machine`,
    })
    await record(engine, { ...start, run: { binds: [{ ...bind, create: true }] } })
    expect(await readFile(join(at, 'deep/file'), 'utf8')).toBe('hello\n')
  })

  test('a program that says that it is ready in colour, leaves a process behind and ends, was ready', async () => {
    for (let run = 0; run < 3; run++) {
      const { trace } = await record(engine, {
        command: shell("sleep 60 & printf '\\033[1;32mstarted\\033[0m\\n'; exit 0"),
      })
      expect(trace.run.ready.by).toBe('log')
      expect(named(trace, 'bin/busybox')).toMatchObject({ afterReady: false })
    }
  })

  test('the healthcheck passes at once, and the program was recorded all the same', async () => {
    for (let run = 0; run < 3; run++) {
      const { trace } = await record(engine, {
        command: shell('exec sleep 60'),
        ready: { by: 'health', command: ['/bin/busybox', 'true'] },
      })
      expect(named(trace, 'bin/sh')).toMatchObject({ afterReady: false })
    }
  })

  test('an end before ready is an error with its last words, without secrets', async () => {
    const failing = record(engine, {
      command: shell('echo bye $DB_PASSWORD $OWN; exit 3'),
      run: { env: ['OWN=s3cret'] },
    })
    await expect(failing).rejects.toMatchObject({ code: 'E_EXIT' })
    await expect(failing).rejects.toThrow(
      /^the container ended with status 3 before it was ready; it wrote: bye \*\*\* \*\*\*$/,
    )
  })

  test.each<[string, Partial<ProfileOptions>]>([
    ['E_READY_TIMEOUT', { timeoutMs: 500, ready: { by: 'log', pattern: /never/ } }],
    ['E_RUN', { run: { user: 'nobody-here' } }],
  ])('%s', async (code, options) => {
    const failing = record(engine, options)
    const expected = engine === 'runc' && options.run ? 'E_USER' : code
    await expect(failing).rejects.toMatchObject({ code: expected })
    await expect(failing).rejects.toThrow(/^[^\n]+$/)
  })

  test('a program that is not there is named', async () => {
    const failing = record(engine, { command: ['nonsense'] })
    await expect(failing).rejects.toThrow(
      /the container: exec: "nonsense": executable file not found in \$PATH$/,
    )
  })

  test('finish keeps what was recorded; abort drops it', async () => {
    const finish = new AbortController()
    const kept = record(engine, {
      ready: { by: 'log', pattern: /never/ },
      finish: () => finish.signal,
      onOutput: () => finish.abort(),
    })
    expect((await kept).trace.run.ready).toEqual({ by: 'interrupt', ms: null })
    const abort = new AbortController()
    const dropped = record(engine, {
      ready: { by: 'log', pattern: /never/ },
      abort: abort.signal,
      onOutput: () => abort.abort(),
    })
    await expect(dropped).rejects.toThrow(/abort/)
  })
})

test('a published port may be named as the host sees it', async () => {
  const port = await freePort()
  const { trace } = await record('docker', {
    command: shell('exec httpd -f -p 80 -h /www'),
    run: { publish: [{ hostIp: '', hostPort: String(port), containerPort: 80, protocol: 'tcp' }] },
    ready: { by: 'http', url: `http://localhost:${port}/` },
  })
  expect(trace.run.ready.by).toBe('http')
})

test('an image without a command is refused before anything is made', async () => {
  const bare = { ...image, config: { ...image.config, process: { ...image.config.process, cmd: [] } } }
  await expect(record('runc', { image: bare })).rejects.toMatchObject({ code: 'E_NO_COMMAND' })
})
