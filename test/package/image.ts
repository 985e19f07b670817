/** The container image, built by the Dockerfile. The images that it is built on are made here, of a Debian and our own Node, so that no hub is asked. */
import { randomBytes } from 'node:crypto'
import { copyFile, cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand, tryCommand } from '../../system/process/command.ts'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const BASE_TAR = `${ROOT}.cache/base-${process.env.DEMO_SUITE ?? 'bookworm'}/base.tar`
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'

const id = randomBytes(4).toString('hex')
export const NAME = `hs-container-test-${id}`
export const images = {
  base: `${NAME}:base`,
  node: `${NAME}:node`,
  build: `${NAME}:build`,
  headstart: `${NAME}:headstart`,
  subject: `${NAME}:subject`,
}

/** @param folder for what the images are made of */
export async function buildImages(folder: string): Promise<void> {
  await makeBases(folder)
  const stages = [
    ['--target', 'build', '--tag', images.build],
    ['--tag', images.headstart],
  ]
  const bases = ['--build-arg', `NODE_IMAGE=${images.node}`, '--build-arg', `BASE_IMAGE=${images.base}`]
  for (const stage of stages) await build([...bases, ...stage, ROOT])
}

/** Without BuildKit, which would look for the bases in a hub; on the machine's own network, with its proxies. */
function build(args: readonly string[]): Promise<string> {
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']
  const given = proxies.filter((name) => process.env[name]).flatMap((name) => ['--build-arg', name])
  return runCommand('docker', ['build', '--network', 'host', '--force-rm', ...given, ...args], {
    env: { ...process.env, DOCKER_BUILDKIT: '0' },
  })
}

/** A Debian, and Node and npm on it, set up to reach npm's registry as this machine does. */
async function makeBases(folder: string): Promise<void> {
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
export async function privilegedFlags(): Promise<readonly string[]> {
  const { status } = await tryCommand('docker', ['run', '--rm', '--privileged', images.base, 'true'])
  if (status === 0) return ['--privileged']
  console.log('docker run --privileged is refused on this machine: its parts are given one by one')
  const unconfined = ['seccomp', 'apparmor', 'systempaths'].flatMap((what) => [
    '--security-opt',
    `${what}=unconfined`,
  ])
  return ['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE', '--device', '/dev/fuse', ...unconfined]
}
