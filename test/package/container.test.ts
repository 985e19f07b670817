/**
 * The container image as people use it: built by the Dockerfile, recording a start as root with the engine's socket mounted, rebuilding
 * as another user without any rights, and running images lazily in the engine outside.
 */
import { chmod, chown, cp, mkdir, mkdtemp, mkdtempDisposable, readdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { until } from '../../scripts/support/until.ts'
import { mountsBelow, unmountBelow } from '../../system/mounts.ts'
import { type CommandResult, runCommand, tryCommand } from '../../system/process/command.ts'
import { parseTrace } from '../../tracer/trace/file.ts'
import { HEADSTART } from '../support/headstart.ts'
import { BASE_TAR, buildImages, images, NAME, privilegedFlags, ROOT } from './image.ts'
import { podOf } from './pod.ts'

const USER = 1000

let folder: string
/** A folder that the engine and its containers share, as any is where systemd runs. */
let host: string
let privileged: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-container-')
  await chmod(folder, 0o755)
  const { image } = await makeDemoImage('shell')
  await buildImages(folder)
  await runCommand(process.execPath, [HEADSTART, 'copy', image, `docker-daemon:${images.subject}`])
  await cp(dirname(BASE_TAR).replace(/base-[^/]*$/, 'demo-shell'), `${folder}/work/shell`, {
    recursive: true,
  })
  await chown(`${folder}/work`, USER, USER)
  privileged = await privilegedFlags()
  host = `${folder}/host`
  await mkdir(host)
  await runCommand('mount', ['--bind', host, host])
  await runCommand('mount', ['--make-shared', host])
}, MAKING_MS)

afterAll(async () => {
  await tryCommand('docker', ['image', 'rm', '--force', ...Object.values(images)])
  await unmountBelow(folder)
  await rm(folder, { recursive: true, force: true })
})

const WRITABLE_SYS = `
mount -o remount,rw /sys
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  ! mountpoint -q "$group" || mount -o remount,rw,bind "$group"
done
exec headstart "$@"`

const docker = (flags: readonly string[], args: readonly string[]): Promise<CommandResult> =>
  tryCommand('docker', ['run', '--rm', '--volume', `${folder}/work:/work`, ...flags, ...args])

const socket = ['--volume', '/var/run/docker.sock:/var/run/docker.sock']

/** The image's command as root with all rights. */
const recording = (...args: readonly string[]): Promise<CommandResult> => {
  return privileged.includes('--privileged')
    ? docker([...privileged, ...socket], [images.headstart, ...args])
    : docker(
        [...privileged, ...socket, '--entrypoint', 'sh'],
        [images.headstart, '-c', WRITABLE_SYS, 'headstart', ...args],
      )
}

/** The same where the engine sees what is mounted. */
const running = (flags: readonly string[], ...args: readonly string[]): Promise<CommandResult> => {
  // Docker would remove the image's volume with what is mounted in it.
  const shared = ['--pid', 'host', '--tmpfs', '/var/tmp', '--volume', `${host}:${host}:rshared`]
  const used = ['--env', `HEADSTART_TMPDIR=${host}`, '--env', `HEADSTART_CACHEDIR=${host}/cache`]
  return docker([...privileged, ...socket, ...shared, ...used, ...flags], [images.headstart, 'run', ...args])
}

const [OUTER, INNER] = [`${NAME}-outer`, `${NAME}-inner`]

/** What runs of images have left on the machine. */
async function leftOutside(): Promise<string[]> {
  const listed = await runCommand('docker', [
    'ps',
    '--all',
    '--filter',
    `name=${NAME}`,
    '--format',
    '{{.Names}}',
  ])
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  const mounts = mountsBelow(table, '').filter((point) => point.includes(basename(folder)))
  const folders = (await readdir(host)).filter((name) => name !== 'cache')
  return [...listed.split('\n').filter(Boolean), ...mounts.filter((point) => point !== host), ...folders]
}

/** As a user who has no rights at all. */
const rebuilding = (...args: readonly string[]): Promise<CommandResult> =>
  docker(['--user', String(USER), '--cap-drop', 'ALL'], [images.headstart, ...args])

const succeeded = { status: 0, stderr: expect.any(String), stdout: expect.any(String) }

test('holds what recording needs, and little else', async () => {
  const sizeOf = async (image: string) =>
    Number(await runCommand('docker', ['image', 'inspect', '--format', '{{.Size}}', image]))
  const added = (await sizeOf(images.headstart)) - (await sizeOf(images.base))
  console.log(`the image adds ${(added / 1e6).toFixed(0)} MB to the Debian that it stands on`)
  expect(added).toBeLessThan(200e6)
  const { stdout } = await recording('doctor')
  for (const part of ['root', 'FUSE', 'libfuse', 'engine runc'])
    expect(stdout).toMatch(RegExp(`ok +${part}$`, 'm'))
  expect(stdout).toMatch(/no +engine docker: it runs outside of this container/)
  expect(stdout).toMatch(/no +engine docker, for run: .*: docker run --privileged --pid host -v \/var\/tmp:/)
})

test('records an image of the engine whose socket is mounted, on runc; then rebuilds it with no rights', async () => {
  const recorded = await recording('profile', images.subject, '--ready-log', '^ready', '-o', 'trace.json')
  expect(recorded).toEqual(succeeded)
  expect(recorded.stderr).toContain('the container runs on runc; docker: it runs outside of this container')
  const trace = parseTrace(await readFile(`${folder}/work/trace.json`, 'utf8'), 'trace.json')
  expect(trace.run).toMatchObject({ engine: 'runc', ready: { by: 'log' } })
  expect(trace.files.map(({ path }) => path)).toContain('usr/bin/dash')

  expect(await rebuilding('optimize', 'oci:shell', 'oci:fast', '--trace', 'trace.json')).toEqual(succeeded)
  expect(await rebuilding('verify', 'oci:fast')).toEqual(succeeded)
  expect(await rebuilding('profile', 'oci:shell')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('root'),
  })
})

test('runs an image lazily in the engine outside, which makes the folders of -v and has the volumes', async () => {
  const binds = ['--volume', `${folder}/made/here:/made`, '--volume', '/etc', '--volume', '/var/tmp']
  const script = 'cat /etc/hostname > /made/it; ls /etc/passwd; stat -c %a /var/tmp; exit 7'
  expect(await running([], ...binds, 'oci:fast', 'sh', '-c', script)).toEqual({
    status: 7,
    stdout: '/etc/passwd\n1777\n',
    stderr: expect.stringMatching(/^read lazily: /m),
  })
  // As Docker names a container to itself.
  expect(await readFile(`${folder}/made/here/it`, 'utf8')).toMatch(/^[0-9a-f]{12}\n$/)
  expect(await leftOutside()).toEqual([])
})

test('what is left on the machine when it was killed is removed by the next one', async () => {
  await running(['--detach', '--name', OUTER], '--name', INNER, 'oci:fast', 'sleep', '600')
  const isRunning = async () =>
    (await runCommand('docker', ['ps', '--filter', `name=${INNER}`, '--quiet'])) !== ''
  await until('the image runs', isRunning)
  await runCommand('docker', ['kill', OUTER])
  expect(await leftOutside()).not.toEqual([])
  expect(await running([], 'oci:fast', 'true')).toEqual(succeeded)
  expect(await leftOutside()).toEqual([])
})

test('what can’t be done from a container is refused in a line; where the engine does not see in, runc runs the image', async () => {
  expect(await running([], '-d', 'oci:fast')).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('-d is not supported in a container'),
  })
  expect(await recording('run', '--network', 'host', 'oci:fast', 'sh', '-c', 'exit 3')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining(
      'only with: docker run --privileged --pid host -v /var/tmp:/var/tmp:rshared',
    ),
  })
})

test('whoever has no rights attaches the profile, and optimizes by what is attached, in a registry and a layout', async () => {
  await using registry = await startRegistry()
  const place = `docker://${registry.host}/shell:1`
  const orders = [
    ['copy', 'oci:shell', place],
    ['trace', 'push', place, 'trace.json', '--name', 'web'],
    ['trace', 'list', place],
    ['trace', 'pull', place, '-o', 'pulled.json'],
    ['optimize', place, `${place}-fast`, '--provenance', '--metadata-file', 'metadata.json'],
    ['copy', `${place}-fast`, 'oci:carried', '--referrers'],
    ['optimize', 'oci:carried', 'oci:again'],
    ['verify', 'oci:again'],
    ['inspect', 'oci:again'],
    ['report', 'pulled.json', '-o', 'report.html'],
  ]
  const script = ['set -ex', ...orders.map((order) => `headstart ${order.join(' ')}`)].join('\n')
  const ordinary = ['--user', String(USER), '--cap-drop', 'ALL', '--network', 'host', '--entrypoint', 'sh']
  expect(await docker(ordinary, [images.headstart, '-c', script])).toEqual(succeeded)
  const [recorded, pulled] = await Promise.all(
    ['trace.json', 'pulled.json'].map(async (name) => readFile(`${folder}/work/${name}`, 'utf8')),
  )
  expect(pulled).toBe(recorded)
})

test.each([
  ['kubernetes/rebuild.yaml', 'headstart-rebuild'],
  ['kubernetes-jobs.yml', 'headstart-rebuild'],
])(
  'in a pod of %s, whose volume is anybody’s to write to, it rebuilds, and the next build from what it remembers',
  async (file, name) => {
    await using registry = await startRegistry()
    await using scratch = await mkdtempDisposable(`${folder}/pod-`)
    await chmod(scratch.path, 0o755)
    const place = `docker://${registry.host}/shell`
    await runCommand(process.execPath, [HEADSTART, 'copy', `oci:${folder}/work/shell`, `${place}:1`])
    const pod = await podOf(`${ROOT}deploy/${file}`, name, scratch.path)
    for (const {
      flags,
      command: [program = '', ...args],
    } of pod.first)
      expect(await docker([...flags, '--entrypoint', program], [images.headstart, ...args])).toEqual(
        succeeded,
      )
    const optimize = (to: string) =>
      docker(
        [...pod.flags, '--network', 'host'],
        [images.headstart, 'optimize', `${place}:1`, `${place}:${to}`, '--trace', 'trace.json'],
      )
    expect(await optimize('fast')).toEqual(succeeded)
    const { stdout } = await optimize('again')
    expect(stdout).toMatch(/^1 unchanged/m)
  },
)
