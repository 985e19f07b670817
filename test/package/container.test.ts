/**
 * The container image as people use it: built by the Dockerfile, recording a start as root with the engine's socket mounted, rebuilding
 * as another user without any rights. The images that it is built on are made here, of a Debian and our own Node, so that no hub is asked.
 */
import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  mkdtempDisposable,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAKING_MS, makeDemoImage } from '../../scripts/demo-image/images.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { type CommandResult, runCommand, tryCommand } from '../../system/process/command.ts'
import { parseTrace } from '../../tracer/trace/file.ts'
import { HEADSTART } from '../support/headstart.ts'
import { podOf } from './pod.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BASE_TAR = `${ROOT}.cache/base-${process.env.DEMO_SUITE ?? 'bookworm'}/base.tar`
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'
const USER = 1000

const id = randomBytes(4).toString('hex')
const NAME = `hs-container-test-${id}`
const images = {
  base: `${NAME}:base`,
  node: `${NAME}:node`,
  build: `${NAME}:build`,
  headstart: `${NAME}:headstart`,
  subject: `${NAME}:subject`,
}

let folder: string
let privileged: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-container-')
  await chmod(folder, 0o755)
  const { image } = await makeDemoImage('shell')
  await makeBases()
  const stages = [
    ['--target', 'build', '--tag', images.build],
    ['--tag', images.headstart],
  ]
  const bases = ['--build-arg', `NODE_IMAGE=${images.node}`, '--build-arg', `BASE_IMAGE=${images.base}`]
  for (const stage of stages) await build([...bases, ...stage, ROOT])
  await runCommand(process.execPath, [HEADSTART, 'copy', image, `docker-daemon:${images.subject}`])
  await cp(dirname(BASE_TAR).replace(/base-[^/]*$/, 'demo-shell'), `${folder}/work/shell`, {
    recursive: true,
  })
  await chown(`${folder}/work`, USER, USER)
  privileged = await privilegedFlags()
}, MAKING_MS)

afterAll(async () => {
  await tryCommand('docker', ['image', 'rm', '--force', ...Object.values(images)])
  await rm(folder, { recursive: true, force: true })
})

/** Without BuildKit, which would look for the bases in a hub; on the machine's own network, with its proxies. */
function build(args: readonly string[]): Promise<string> {
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']
  const given = proxies.filter((name) => process.env[name]).flatMap((name) => ['--build-arg', name])
  return runCommand('docker', ['build', '--network', 'host', '--force-rm', ...given, ...args], {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
  })
}

/** A Debian, and Node and npm on it, set up to reach npm's registry as this machine does. */
async function makeBases(): Promise<void> {
  const context = `${folder}/context`
  await mkdir(context)
  await copyFile(BASE_TAR, `${context}/base.tar`)
  await copyFile(process.execPath, `${context}/node`)
  const npm = (await runCommand('sh', ['-c', 'realpath "$(command -v npm)"'])).trim()
  await cp(dirname(dirname(npm)), `${context}/npm`, { recursive: true })
  await copyFile(AUTHORITIES, `${context}/authorities.crt`)
  const registry = (await runCommand('npm', ['config', 'get', 'registry'])).trim()
  await writeFile(`${context}/base.Dockerfile`, 'FROM scratch\nADD base.tar /\n')
  await writeFile(
    `${context}/node.Dockerfile`,
    [
      `FROM ${images.base}`,
      'COPY node /usr/local/bin/node',
      'COPY npm /usr/local/lib/node_modules/npm',
      `COPY authorities.crt ${AUTHORITIES}`,
      'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
      `ENV NODE_EXTRA_CA_CERTS=${AUTHORITIES} NPM_CONFIG_REGISTRY=${registry}`,
    ].join('\n'),
  )
  for (const kind of ['base', 'node'] as const)
    await build(['--file', `${context}/${kind}.Dockerfile`, '--tag', images[kind], context])
}

/**
 * `--privileged`; and where that is refused, as in a machine that itself may not do everything, what it stands for, as far as it goes: the
 * capabilities that there are, no filters, and a writable /sys and control groups, which the container's first command makes so.
 */
async function privilegedFlags(): Promise<readonly string[]> {
  const { status } = await tryCommand('docker', ['run', '--rm', '--privileged', images.base, 'true'])
  if (status === 0) return ['--privileged']
  console.log('docker run --privileged is refused on this machine: its parts are given one by one')
  const unconfined = ['seccomp', 'apparmor', 'systempaths'].flatMap((what) => [
    '--security-opt',
    `${what}=unconfined`,
  ])
  return ['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE', '--device', '/dev/fuse', ...unconfined]
}

const WRITABLE_SYS = `
mount -o remount,rw /sys
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  ! mountpoint -q "$group" || mount -o remount,rw,bind "$group"
done
exec headstart "$@"`

const docker = (flags: readonly string[], args: readonly string[]): Promise<CommandResult> =>
  tryCommand('docker', ['run', '--rm', '--volume', `${folder}/work:/work`, ...flags, ...args])

/** The image's command as root with all rights. */
const recording = (...args: readonly string[]): Promise<CommandResult> => {
  const socket = ['--volume', '/var/run/docker.sock:/var/run/docker.sock']
  return privileged.includes('--privileged')
    ? docker([...privileged, ...socket], [images.headstart, ...args])
    : docker(
        [...privileged, ...socket, '--entrypoint', 'sh'],
        [images.headstart, '-c', WRITABLE_SYS, 'headstart', ...args],
      )
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
