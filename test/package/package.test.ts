/**
 * The package as people get it: packed, installed into an empty prefix, and run on every Node it promises, as root and as another user, as
 * the command and as the library that docs/library.md describes.
 */
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
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand, tryCommand } from '../../system/process/command.ts'
import { busyboxImage } from '../support/images.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NOBODY = 65534
/** The oldest that it promises. */
const OLDEST = '22.19.0'
const OLDEST_FOLDER = `${ROOT}.cache/node-${OLDEST}`
/** The Nodes it promises, by the file that another user can run, too: a checkout may lie where he may not go. */
const NODES = { 'Node 22': 'node-22', 'Node 24': 'node-24' }

let folder: string
/** In the folder, too, so that another user may read it. */
let image: string
/** What npm said when it installed the package on the oldest Node. */
let warnings: string[]
let packed: { size: number; unpackedSize: number; files: { path: string }[] }

beforeAll(async () => {
  folder = await mkdtemp('/var/tmp/hs-package-')
  await chmod(folder, 0o755)
  image = await busyboxImage(`${folder}/image`, { command: 'echo ready; sleep 60' })
  const output = await runCommand('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT })
  packed = JSON.parse(output.slice(output.indexOf('[')))[0]
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await runCommand('npm', ['install', '--prefix', OLDEST_FOLDER, '--no-save', `node@${OLDEST}`])
  const installed = await tryCommand(
    'npm',
    ['install', '--global', '--prefix', `${folder}/prefix`, `${folder}/${tarball}`],
    { env: { ...process.env, PATH: `${OLDEST_FOLDER}/node_modules/node/bin:${process.env.PATH}` } },
  )
  expect(installed).toMatchObject({ status: 0 })
  warnings = installed.stderr.split('\n').filter((line) => line !== '')
  await place(`${OLDEST_FOLDER}/node_modules/node/bin/node`, NODES['Node 22'])
  await place(process.execPath, NODES['Node 24'])
})

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
  return runNode(node, cwd, uid, [`${folder}/prefix/bin/headstart`, ...args])
}

/** A program of Node's. */
function runNode(node: string, cwd: string, uid: number, args: readonly string[]): Promise<Ended> {
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: cwd,
    HEADSTART_TMPDIR: `${cwd}/work`,
    NO_COLOR: '1',
  }
  return new Promise((resolve) => {
    const child = execFile(`${folder}/${node}`, args, { cwd, uid, gid: uid, env }, (_, stdout, stderr) =>
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

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** The folder of a package: `node_modules/NAME` or `node_modules/@SCOPE/NAME`, at its end. */
const isPackage = (path: string): boolean => /node_modules\/(@[^/]+\/)?[^/@]+$/.test(path)

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
    const lazily = ['run', '--no-cache', 'oci:optimized', 'echo', 'lazily']
    for (const engine of ['docker', 'runc'])
      expect(await run(...lazily.toSpliced(1, 0, '--engine', engine))).toBe('lazily\n')
    await run('report', 'trace.json', '-o', 'report.html')
    expect(await readFile(`${cwd}/report.html`, 'utf8')).toContain('<!doctype html>')
    expect(await readdir(`${cwd}/work`)).toEqual([])
    expect(await readdir(`${folder}/prefix/lib/node_modules/headstart/node_modules/.cache`)).toEqual([
      'headstart',
    ])
  })

  test('as another user: all that needs no root', async () => {
    const cwd = await home(`${name}-nobody`, NOBODY)
    const run = async (...args: string[]) => {
      const { status, stderr } = await headstart(node, cwd, NOBODY, args)
      expect({ args, status, stderr: status === 0 ? '' : stderr }).toEqual({ args, status: 0, stderr: '' })
    }
    await run('--version')
    await run('copy', image, 'oci:plain')
    await writeFile(`${cwd}/record`, '{"path":"bin/busybox"}\n')
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
  })
})

test('npm installs it on the oldest Node without a warning of old or unfit packages', () => {
  expect(warnings.filter((line) => /EBADENGINE|deprecated|ERESOLVE|peer/.test(line))).toEqual([])
  // Newer npms name the packages whose install scripts they leave out, or will. None of ours has one.
  const scripts = warnings.flatMap((line) => /install-scripts +([^ ]+)@\d/.exec(line)?.[1] ?? [])
  expect(['cpu-features', 'fuse-native', 'msgpackr-extract', 'protobufjs', 'ssh2']).toEqual(
    expect.arrayContaining(scripts),
  )
})

test('where npm left fuse-native out, doctor says why and what to do', async () => {
  await runCommand('cp', ['-al', `${folder}/prefix`, `${folder}/without`])
  await rm(`${folder}/without/lib/node_modules/headstart/node_modules/fuse-native`, { recursive: true })
  const program = `${folder}/without/bin/headstart`
  const { stdout } = await runNode(NODES['Node 24'], await home('without-fuse', 0), 0, [program, 'doctor'])
  expect(stdout).toMatch(
    /^no +libfuse: fuse-native is not installed: .*Install libfuse2, then headstart again/m,
  )
})

describe('as a library', () => {
  /** The program of the document, in a folder where the package is installed. */
  async function example(name: string, file: string): Promise<string> {
    const cwd = await home(name, NOBODY)
    const [, text = ''] = /^```js\n(.*?)^```$/ms.exec(await readFile(`${ROOT}docs/library.md`, 'utf8')) ?? []
    await mkdir(`${cwd}/node_modules`)
    await symlink(`${folder}/prefix/lib/node_modules/headstart`, `${cwd}/node_modules/headstart`)
    await writeFile(`${cwd}/${file}`, text)
    return cwd
  }

  test.each(Object.entries(NODES))('the example of the document runs on %s', async (name, node) => {
    const cwd = await example(`${name}-library`, 'example.mjs')
    const command = async (...args: string[]) =>
      expect(await headstart(node, cwd, NOBODY, args)).toMatchObject({ status: 0 })
    await command('copy', image, 'oci:plain')
    await writeFile(`${cwd}/record`, '{"path":"bin/busybox"}\n')
    await command('trace', 'import', 'record', 'oci:plain', '-o', 'trace.json')

    const done = await runNode(node, cwd, NOBODY, ['example.mjs', 'oci:plain', 'oci:optimized', 'trace.json'])
    expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 0, stderr: '' })
    expect(done.stdout).toMatch(/^zone\tbin\/busybox\t/m)
    expect(done.stdout).toMatch(/^the profile covers 100 % of the start$/m)
    expect(done.stdout).toMatch(/^sha256:[0-9a-f]{64}, \d+ bytes to prefetch\n$/m)
    await command('verify', 'oci:optimized')
    expect(await readdir(`${cwd}/work`)).toEqual([])

    const failed = await runNode(node, cwd, NOBODY, ['example.mjs', 'oci:plain', 'oci:other', 'missing.json'])
    expect(failed).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^E_TRACE: the trace missing\.json /),
    })
  })

  test('its types check, with nothing but those of Node', async () => {
    const cwd = await example('types', 'example.mts')
    const flags = [
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      'false',
      '--module',
      'nodenext',
      '--target',
      'es2023',
    ]
    const types = ['--types', 'node', '--typeRoots', `${ROOT}node_modules/@types`]
    await runCommand(`${ROOT}node_modules/.bin/tsc`, [...flags, ...types, 'example.mts'], { cwd })
  })

  test('nothing else can be imported', async () => {
    const cwd = await example('inside', 'inside.mjs')
    await writeFile(`${cwd}/inside.mjs`, "await import('headstart/dist/cli/main.js')\n")
    const { status, stderr } = await runNode(NODES['Node 24'], cwd, NOBODY, ['inside.mjs'])
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('ERR_PACKAGE_PATH_NOT_EXPORTED'),
    })
  })
})

describe('what is in the package', () => {
  test('is small: what it weighs, packed and installed', async () => {
    const installed = `${folder}/prefix/lib/node_modules/headstart`
    const entries = await readdir(installed, { recursive: true, withFileTypes: true })
    // Not what the commands above have compiled.
    const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('/.cache/'))
    const sizes = await Promise.all(files.map(async ({ parentPath, name }) => stat(`${parentPath}/${name}`)))
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0)
    const packages = files.filter(({ parentPath, name }) => name === 'package.json' && isPackage(parentPath))
    console.log(
      `the package: ${megabytes(packed.size)} packed, ${megabytes(packed.unpackedSize)} unpacked, ${packed.files.length} files; ` +
        `installed: ${packages.length} packages, ${megabytes(bytes)}`,
    )
    // Some of it is there twice: as modules, for the library, and in the bundle that starts sooner.
    expect(packed.size).toBeLessThan(2e6)
    expect(packages.length).toBeLessThan(100)
    // A fifth of it is what keeps jobs in Redis.
    expect(bytes).toBeLessThan(52e6)
  })

  test('is what a user needs and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    const stray = paths.filter(
      (path) =>
        !/^(dist\/.*\.(js|d\.ts|js\.map|css)|dist\/start\/LICENCES|cli\/headstart\.js|man\/headstart[a-z-]*\.1|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/.test(
          path,
        ),
    )
    expect(stray).toEqual([])
    expect(paths).toContain('dist/report/page/client/main.min.js')
  })

  test('has the licences of what is bundled in it', async () => {
    const licences = await readFile(`${folder}/prefix/lib/node_modules/headstart/dist/start/LICENCES`, 'utf8')
    expect(licences.match(/^[a-z@/-]+$/gm)).toEqual(['commander', 'undici', 'zod'])
    expect(licences.match(/^Permission is hereby granted/gim)).toHaveLength(3)
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
