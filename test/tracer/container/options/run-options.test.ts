/** docker-run's options on real containers: each is honoured, or refused in one line that names it. */
import { readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import type { Image } from '../../../../image/types.ts'
import { freePort } from '../../../../scripts/support/serve.ts'
import { HANG_MS } from '../../../../scripts/support/until.ts'
import { parseRunOptions, type RunFlags } from '../../../../tracer/container/options/parse-run-options.ts'
import type { EngineName } from '../../../../tracer/container/types.ts'
import { profileImage } from '../../../../tracer/profile.ts'
import { dockerEngine } from '../../../support/engine.ts'
import { busyboxImage } from '../../../support/images.ts'
import { type TempFolder, tempFolder } from '../../../support/temp.ts'
import { leftovers } from '../../leftovers.ts'

let temp: TempFolder
let image: Image

beforeAll(async () => {
  temp = await tempFolder()
  await writeFile(join(temp.path, 'file'), 'of the host\n')
  await using source = await openSource(await busyboxImage(await temp.sub('image'), { command: 'true' }))
  image = await source.image()
})

afterAll(async () => {
  await temp[Symbol.asyncDispose]()
  expect(await leftovers()).toEqual([])
})

/** What the script says, run with these flags. */
async function says(engine: EngineName, flags: RunFlags, script: string, input?: string): Promise<string> {
  const output: Buffer[] = []
  await profileImage({
    image,
    engine,
    command: flags.entrypoint === undefined ? ['/bin/sh', '-c', script] : ['-c', script],
    run: parseRunOptions(flags, { env: {}, folder: temp.path }),
    ready: { by: 'exit' },
    ...(input !== undefined && { input: Readable.from([input]) }),
    onOutput: (_stream, chunk) => output.push(chunk),
    tool: 'test',
  })
  return Buffer.concat(output).toString()
}

const escaped = (text: string): string => text.replace(/[[\]]/g, '\\$&')

/** Starts, each with flags that go together, and what its script says of each. */
const STARTS: readonly (readonly [string, RunFlags, Readonly<Record<string, readonly [string, RegExp]>>])[] =
  [
    [
      'environment, folders, names, limits',
      {
        env: ['A=b c'],
        envFiles: ['B=file\n'],
        workdir: '/usr/not/there',
        volume: ['.:/mnt:ro', '/cache/new'],
        mount: ['type=bind,src=file,dst=/f'],
        tmpfs: ['/t:size=1m'],
        network: 'none',
        addHost: ['db:10.1.2.3'],
        dns: ['10.9.9.9'],
        capAdd: ['SYS_TIME'],
        shmSize: '3m',
        memory: '64m',
      },
      {
        '-e': ['echo $A', /^b c$/m],
        '--env-file': ['echo $B', /^file$/m],
        '-w, of a folder that isn’t there': ['pwd', /^\/usr\/not\/there$/m],
        '-v': ['cat /mnt/file; touch /mnt/x', /^of the host\n.*Read-only/],
        '-v without a name': ['touch /cache/new/x && ls /cache/new', /^x$/m],
        '--mount': ['cat /f', /^of the host$/m],
        '--tmpfs': ['mount | grep " /t "', /tmpfs.*size=1024k/],
        '--network none': ['ip -o link | wc -l', /^1$/m],
        '--add-host': ['cat /etc/hosts', /^10\.1\.2\.3\s+db$/m],
        '--dns': ['cat /etc/resolv.conf', /^nameserver 10\.9\.9\.9$/m],
        '--cap-add': ['grep CapEff /proc/self/status', /00000000aa0425fb$/m],
        '--shm-size': ['df -k /dev/shm | tail -1', /\s3072\s/],
        '-m': [
          'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max',
          /^67108864$/m,
        ],
      },
    ],
    [
      'limits, groups, security, a root that can only be read',
      {
        hostname: 'named',
        readOnly: true,
        tmpfs: ['/tmp/new'],
        mount: ['type=bind,src=file,dst=/var/deep/f'],
        network: 'none',
        capDrop: ['ALL'],
        capAdd: ['CHOWN'],
        securityOpt: ['no-new-privileges'],
        groupAdd: ['extra', '77'],
        cpus: '0.5',
        pidsLimit: '50',
        ulimit: ['nofile=100:200'],
        sysctl: ['net.ipv4.ip_forward=1'],
        pid: 'host',
        ipc: 'host',
        label: ['a=b'],
      },
      {
        '--hostname': ['hostname', /^named$/m],
        '--read-only': [
          'touch /x; touch /etc/x; touch /tmp/new/x && ls /tmp/new',
          /(Read-only.*\n.*){2}^x$/m,
        ],
        '--mount, where nothing is': ['cat /var/deep/f', /^of the host$/m],
        '--cap-drop': ['grep CapBnd /proc/self/status', /0000000000000001$/m],
        '--security-opt': ['grep NoNewPrivs /proc/self/status', /1$/m],
        '--group-add': ['id -G', /^0 77 1001$|^0 1001 77$/m],
        '--cpus': [
          'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cut -d " " -f 1 /sys/fs/cgroup/cpu.max',
          /^50000$/m,
        ],
        '--pids-limit': ['cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max', /^50$/m],
        '--ulimit': ['ulimit -n; ulimit -Hn', /^100\n200$/m],
        '--sysctl': ['cat /proc/sys/net/ipv4/ip_forward', /^1$/m],
        '--pid': [`[ -d /proc/${process.pid} ] && echo seen`, /^seen$/m],
        '--ipc': [
          'readlink /proc/self/ns/ipc',
          new RegExp(`^${escaped(readlinkSync('/proc/self/ns/ipc'))}$`, 'm'),
        ],
      },
    ],
    [
      'another program, user and network',
      { entrypoint: '/bin/ash', user: 'web', network: 'host' },
      {
        '--entrypoint': ['head -c 8 /proc/1/cmdline', /^\/bin\/ash/],
        '-u': ['id -un', /^web$/m],
        '--network host': ['cat /proc/sys/kernel/hostname', new RegExp(`^${hostname()}$`, 'm')],
      },
    ],
  ]

const SEPARATOR = '-- -- --'

describe.each<EngineName>(['docker', 'runc'])('%s', (engine) => {
  test.each(STARTS)('%s', async (_name, flags, checks) => {
    const script = Object.values(checks).map(([command]) => `( ${command} ) 2>&1; echo ${SEPARATOR}`)
    const parts = (await says(engine, flags, script.join('\n'))).split(`${SEPARATOR}\n`)
    for (const [place, [option, [, expected]]] of Object.entries(checks).entries())
      expect(parts[place], option).toMatch(expected)
  })

  test('-p: the port on the host is the container’s behind it', async () => {
    const [port, published] = [await freePort(), await freePort()]
    const { trace } = await profileImage({
      image,
      engine,
      command: ['httpd', '-f', '-p', String(port), '-h', '/etc'],
      run: parseRunOptions({ publish: [`${published}:${port}`] }, { env: {}, folder: '/' }),
      ready: { by: 'http', url: `http://localhost:${published}/passwd` },
      timeoutMs: HANG_MS,
      tool: 'test',
    })
    expect(trace.run.ready.by).toBe('http')
  })

  test('-i: what comes in is read to its end', async () => {
    expect(await says(engine, { interactive: true }, 'tty; cat', 'one\ntwo\n')).toBe('not a tty\none\ntwo\n')
  })
})

test('docker: -t -i: a terminal, and what comes in is typed there', async () => {
  const text = await says(
    'docker',
    { interactive: true, tty: true },
    'tty; read line; echo "got $line"; cat',
    'hello\n',
  )
  expect(text).toMatch(/^\/dev\/pts\/0\r$/m)
  expect(text).toMatch(/^got hello\r$/m)
})

test('docker: --init, --device, and a profile of system calls', async () => {
  const flags = {
    init: true,
    device: ['/dev/fuse:/dev/other'],
    securityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
  }
  const text = await says(
    'docker',
    flags,
    'head -c 17 /proc/1/cmdline; echo; ls /dev/other; grep Seccomp: /proc/self/status',
  )
  expect(text).toMatch(/^\/sbin\/docker-init\n\/dev\/other\nSeccomp:\s2$/m)
})

test('docker: a new volume begins with what the image has in its place', async () => {
  const name = `of-a-test-${process.pid}`
  const flags = { volume: [`${name}:/etc`] }
  try {
    expect(await says('docker', flags, 'cat /etc/group; rm /etc/group')).toMatch(/^extra:/m)
    expect(await says('docker', flags, 'ls /etc')).not.toContain('group')
  } finally {
    await (await dockerEngine()).getVolume(name).remove()
  }
})

test('docker: --gpus is asked for, and what the engine says of it is one line', async () => {
  await expect(says('docker', { gpus: 'all' }, 'true')).rejects.toMatchObject({
    code: 'E_RUN',
    message: expect.stringMatching(
      /^the Docker engine refused the container: [^\n]*device driver[^\n]*gpu[^\n]*$/,
    ),
  })
})

test.each<[string, RunFlags]>([
  ['--network bridge', { network: 'bridge' }],
  ['--network mine', { network: 'mine' }],
  ['--gpus', { gpus: '1' }],
  ['-t', { tty: true }],
  ['named volumes', { volume: ['data:/data'] }],
  ['--init', { init: true }],
  ['--device', { device: ['/dev/fuse'] }],
  ['--pid container:x', { pid: 'container:x' }],
  ['--ipc shareable', { ipc: 'shareable' }],
  ['--security-opt apparmor=x', { securityOpt: ['apparmor=x'] }],
])('runc: %s is refused', async (option, flags) => {
  const failing = says('runc', flags, 'true')
  await expect(failing).rejects.toMatchObject({ code: 'E_OPTION', hint: 'Use --engine docker' })
  await expect(failing).rejects.toThrow(`the runc engine does not support ${option}`)
})
