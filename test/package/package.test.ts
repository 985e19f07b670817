/** The package as people get it: packed, installed into an empty prefix, and run on every Node it promises, as root and as another user. */
import { execFile } from 'node:child_process'
import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoImages } from '../../scripts/demo-image/images.ts'
import { runCommand } from '../../system/command.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NOBODY = 65534
const NODE_22 = `${ROOT}.cache/node-22`
/** The Nodes it promises, by the file that another user can run, too: a checkout may lie where he may not go. */
const NODES = { 'Node 22': 'node-22', 'Node 24': 'node-24' }
const image = demoImages.shell.image.replace(/:latest$/, '')

let folder: string
let packed: { size: number; unpackedSize: number; files: { path: string }[] }

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-package-')
  await chmod(folder, 0o755)
  const output = await runCommand('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT })
  packed = JSON.parse(output.slice(output.indexOf('[')))[0]
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await runCommand('npm', ['install', '--global', '--prefix', `${folder}/prefix`, `${folder}/${tarball}`])
  await runCommand('npm', ['install', '--prefix', NODE_22, '--no-save', 'node@22'])
  await place(`${NODE_22}/node_modules/node/bin/node`, NODES['Node 22'])
  await place(process.execPath, NODES['Node 24'])
}, 300_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const place = (node: string, name: string) =>
  link(node, `${folder}/${name}`).catch(() => copyFile(node, `${folder}/${name}`))

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** The installed command, with nothing of the checkout in reach. */
function headstart(node: string, cwd: string, uid: number, args: readonly string[]): Promise<Ended> {
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: cwd,
    HEADSTART_TMPDIR: `${cwd}/work`,
    NO_COLOR: '1',
  }
  return new Promise((resolve) => {
    const program = [`${folder}/prefix/bin/headstart`, ...args]
    const child = execFile(`${folder}/${node}`, program, { cwd, uid, gid: uid, env }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? 1, stdout, stderr }),
    )
  })
}

async function home(name: string, uid: number): Promise<string> {
  const path = `${folder}/${name.replace(' ', '-')}`
  await mkdir(path, { mode: 0o700 })
  await chown(path, uid, uid)
  return path
}

describe.each(Object.entries(NODES))('%s', (name, node) => {
  test('as root: the whole way', async () => {
    const cwd = await home(`${name}-root`, 0)
    const run = async (...args: string[]) => {
      const { status, stdout, stderr } = await headstart(node, cwd, 0, args)
      expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
      return stdout
    }
    expect(await run('--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
    await run('doctor')
    for (const [server, trace] of [
      ['fuse-native', 'trace.json'],
      ['kernel', 'kernel.json'],
    ] as const)
      await run('profile', image, '--engine', 'runc', '--fuse', server, '--ready-log', '^ready', '-o', trace)
    await run('optimize', image, 'oci:optimized', '--trace', 'trace.json')
    await run('verify', 'oci:optimized')
    await run('report', 'trace.json', '-o', 'report.html')
    expect(await readFile(`${cwd}/report.html`, 'utf8')).toContain('<!doctype html>')
    expect(await readdir(`${cwd}/work`)).toEqual([])
  }, 300_000)

  test('as another user: all that needs no root', async () => {
    const cwd = await home(`${name}-nobody`, NOBODY)
    const run = async (...args: string[]) => {
      const { status, stderr } = await headstart(node, cwd, NOBODY, args)
      expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
    }
    await run('--version')
    await run('copy', image, 'oci:plain')
    await writeFile(`${cwd}/record`, '{"path":"usr/bin/dash"}\n')
    await run('optimize', 'oci:plain', 'oci:optimized', '--trace', 'record')
    await run('verify', 'oci:optimized')
    await run('inspect', 'oci:optimized')
    await run('trace', 'import', 'record', 'oci:plain', '-o', 'trace.json')
    await run('report', 'trace.json', '-o', 'report.html')
    const { status, stderr } = await headstart(node, cwd, NOBODY, ['profile', 'oci:plain'])
    expect({ status, stderr: stderr.split('\n')[0] }).toEqual({
      status: 1,
      stderr: expect.stringContaining('root'),
    })
  }, 300_000)
})

describe('what is in the package', () => {
  test('is what a user needs and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    const stray = paths.filter(
      (path) =>
        !/^(dist\/.*\.(js|d\.ts|js\.map|css)|cli\/headstart\.js|man\/headstart[a-z-]*\.1|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(
          path,
        ),
    )
    expect(stray).toEqual([])
    expect(paths).toContain('dist/report/page/client/main.min.js')
  })

  test('has man pages, linked to where man looks', async () => {
    const pages = await readdir(`${folder}/prefix/share/man/man1`)
    expect(pages).toContain('headstart.1')
    expect(pages).toContain('headstart-optimize.1')
  })

  test('names no file that only a checkout has', async () => {
    const scripts = packed.files.filter(({ path }) => path.endsWith('.js') && path.startsWith('dist/'))
    expect(scripts.length).toBeGreaterThan(200)
    const sources = await Promise.all(
      scripts.map(async ({ path }) => [path, await readFile(`${ROOT}${path}`, 'utf8')] as const),
    )
    expect(sources.filter(([, text]) => /URL\('[^']*\.ts'/.test(text)).map(([path]) => path)).toEqual([])
  })
})
