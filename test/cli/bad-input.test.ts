/** What a person can get wrong ends in one clear line and a non-zero status, without a stack trace, and leaves nothing behind. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand } from '../../system/process/command.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'

let box: Sandbox
let registry: TestRegistry
let image: string

beforeAll(async () => {
  box = await sandbox()
  registry = await startRegistry()
  await chmod(box.folder, 0o755)
  image = await busyboxImage(join(box.folder, 'image'), { command: 'cat /app.txt; sleep 600' })
  await writeFile(join(box.folder, 'broken.json'), '{"version": 1')
  await writeFile(join(box.folder, 'future.json'), '{"version": 99}')
  await writeFile(join(box.folder, 'notes.txt'), '# Notes\n')
  await mkdir(join(box.folder, 'empty'))
})

afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  await box[Symbol.asyncDispose]()
})

/** @returns what was said after `headstart:` */
async function refused(
  args: readonly string[],
  choices: Parameters<Sandbox['run']>[1] = {},
): Promise<string> {
  const { status, stderr } = await box.run(args, choices)
  expect(status, stderr).toBeGreaterThan(0)
  expect(stderr).not.toMatch(/\n\s+at /)
  const said = stderr.slice(stderr.lastIndexOf('headstart: ') + 'headstart: '.length).trimEnd()
  expect(said.split('\n').length, said).toBeLessThanOrEqual(2)
  expect(await box.leftovers()).toEqual([])
  return said
}

const runc = ['--engine', 'runc', '--network', 'none']

describe('profile', () => {
  test('a file in a folder that is not there, before anything runs', async () => {
    expect(await refused(['profile', 'oci:nowhere', '-o', 'no/trace.json'])).toMatch(
      /^no\/trace\.json can't be written: the folder no does not exist/,
    )
  })

  test('a file named by a flag that is not there, before the image is opened', async () => {
    for (const command of [
      ['profile', 'oci:nowhere', '--script'],
      ['optimize', 'oci:nowhere', 'oci:out', '--script'],
      ['optimize', 'oci:nowhere', 'oci:out', '--refine'],
      ['bench', 'oci:nowhere', 'oci:nowhere', '--baseline'],
    ])
      expect(await refused([...command, 'no.txt'])).toMatch(/no\.txt can't be read/)
  })

  test('an image that is nowhere', async () => {
    expect(await refused(['profile', 'oci:nowhere:latest'])).toMatch(/nowhere/)
    expect(await refused(['profile', `docker://${registry.host}/none:1`])).toMatch(/none/)
    expect(await refused(['profile', `${image.replace(':latest', '')}:other`])).toMatch(/other.*/)
  })

  test('a reference that is none, with the place', async () => {
    expect(await refused(['profile', 'Up/Case'])).toMatch(/Up\/Case/)
  })

  test('a container that ends before it is ready', async () => {
    const said = await refused([
      'profile',
      image,
      ...runc,
      '--ready-log',
      'never',
      '--',
      'sh',
      '-c',
      'echo oh no; exit 3',
    ])
    expect(said).toMatch(/3/)
    expect(said).toMatch(/oh no/)
  })

  test('a readiness that never comes', async () => {
    const notReady =
      /^the container was not ready within 3 s.*\n {2}It is ready when a line of the output matches \/never\/: .*--timeout$/
    const notStarted = /^the container had not started within 3 s.*\n {2}Allow more time with --timeout$/
    const said = await refused(['profile', image, ...runc, '--ready-log', 'never', '--timeout', '3s'])
    expect([notReady.test(said), notStarted.test(said)], said).toContain(true)
  })

  test('a program that is not there', async () => {
    expect(await refused(['profile', image, ...runc, '--', '/no/such/program'])).toMatch(/no\/such\/program/)
  })

  test('two checks at once', async () => {
    expect(await refused(['profile', image, '--ready-exit', '--period', '1s'])).toMatch(
      /--ready-exit and --period/,
    )
  })

  test('a port that somebody else has', async () => {
    const server = createServer().listen(0)
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const args = ['profile', image, '--engine', 'docker', '-p', `${port}:80`]
    expect(await refused(args)).toMatch(new RegExp(`^port ${port} of this machine is in use\\n.*-p`))
    server.close()
  })

  test('no engine', async () => {
    const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock' }
    expect(await refused(['profile', image, '--engine', 'docker'], { env })).toMatch(/docker/i)
  })

  test('no FUSE', async () => {
    const hide =
      'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec "$0" "$@"'
    const said = await refused(['profile', image, ...runc], { under: ['unshare', '-m', 'sh', '-c', hide] })
    expect(said).toMatch(/FUSE/)
  })
})

describe('optimize', () => {
  test('a trace that is broken, or of another version, or not there', async () => {
    const target = 'oci:out:latest'
    expect(await refused(['optimize', image, target, '--trace', 'broken.json'])).toMatch(
      /broken\.json is not JSON/,
    )
    expect(await refused(['optimize', image, target, '--trace', 'future.json'])).toMatch(
      /future\.json.*version/,
    )
    expect(await refused(['optimize', image, target, '--trace', 'none.json'])).toMatch(/none\.json/)
    expect(await refused(['optimize', image, target, '--trace', 'notes.txt'])).toMatch(
      /^notes\.txt is neither a trace nor a record or list of another tool\n.*trace import --help/,
    )
  })

  test('a target that can’t have what the format needs, before anything is recorded', async () => {
    const args = ['optimize', image, 'oci:external:x', '--format', 'estargz+external-toc', ...runc]
    expect(await refused(args)).toBe(
      "oci:external:x can't be estargz+external-toc: its tables of contents go into a second image, which only a registry can hold\n  Name a registry as the target, or choose another --format",
    )
    expect(existsSync(join(box.folder, 'external'))).toBe(false)
    expect(await refused(['optimize', image, 'oci:kept:x', '--keep-diff-id'])).toMatch(
      /^estargz layers can't keep their diffIDs: .*\n.*--format estargz\+external-toc or zstd:chunked/,
    )
  })

  test('nothing: layers that stay whole are not recorded first, and the image has its old config', async () => {
    const args = ['optimize', image, 'oci:whole:x', '--format', 'zstd:chunked', '--keep-diff-id']
    const { status, stdout, stderr } = await box.run(args)
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^no file is prefetched$/m)
    const inspected = await box.run(['verify', 'oci:whole:x'])
    expect(inspected.stdout).toMatch(/is sound: 2 layers/)
    expect(inspected.stderr).toMatch(/layer 1 of 2 has no prioritized zone/)
  })

  test('a target that exists', async () => {
    const said = await refused([
      'optimize',
      image,
      image,
      '--ready-exit',
      ...runc,
      '--entrypoint',
      '/bin/true',
    ])
    expect(said).toMatch(/exists|there already/)
  })
})

describe('without root', () => {
  const under = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const env = { HEADSTART_TMPDIR: '/var/tmp/hs-nobody', HOME: '/nonexistent' }

  // Before anything else: the images are nowhere.
  test.each([
    ['profile', 'oci:nowhere'],
    ['optimize', 'oci:nowhere', 'oci:there', '--record'],
    ['bench', 'oci:nowhere', 'oci:nowhere'],
    ['mount', 'oci:nowhere', 'nowhere'],
  ])('%s says at once that it needs it', async (...args) => {
    expect(await refused(args, { under, env })).toMatch(/ needs root\n.*sudo/)
  })

  test('no permission to use the engine is not "no engine"', async () => {
    await runCommand('sh', ['-c', `touch ${box.folder}/docker.sock; chmod 600 ${box.folder}/docker.sock`])
    const choices = { under, env: { ...env, DOCKER_HOST: `unix://${box.folder}/docker.sock` } }
    expect(await refused(['inspect', 'docker-daemon:web:1'], choices)).toMatch(
      /^permission denied: the Docker engine at .*docker\.sock\n.*docker group/,
    )
    const bare = await box.run(['inspect', `${registry.host}/none:1`], choices)
    expect(bare.stderr).toMatch(
      /is taken from the registry .*: permission denied: the Docker engine at .*docker\.sock$/m,
    )
    const { stdout } = await box.run(['doctor'], choices)
    expect(stdout).toMatch(/engine docker: permission denied: the Docker engine at .*docker\.sock/)
  })
})

describe('other commands', () => {
  test.each([
    [['verify', 'oci:nowhere'], /nowhere/],
    [['inspect', 'oci:empty'], /empty/],
    [['report', 'none.json'], /none\.json/],
    [['report', 'broken.json'], /broken\.json is not JSON: it ends too early/],
    [['report', 'notes.txt'], /^notes\.txt is neither a trace nor a measurement\n.*headstart profile/],
    [['report', 'none.json', '-o', 'no/page.html'], /the folder no does not exist/],
    [['bench', 'oci:nowhere', 'oci:nowhere', '-o', 'no/bench.json'], /the folder no does not exist/],
    [['trace', 'merge', 'none.json', '-o', 'no/trace.json'], /the folder no does not exist/],
    [['bench', undefined, undefined], / can't be pulled lazily: it is not eStargz\n.* original image first/],
    [['mount', image, 'nowhere'], /nowhere/],
    [['trace', 'show', 'broken.json'], /broken\.json is not JSON/],
    [['copy', 'oci:nowhere', 'oci:there'], /nowhere/],
  ])('%s', async (args, pattern) => {
    expect(await refused(args.map((arg) => arg ?? image))).toMatch(pattern)
  })

  test('bench without a readiness check is warned about', async () => {
    const warning = /^warning: every sample lasts 10 s .*--ready-http URL$/m
    expect((await box.run(['bench', image, image])).stderr).toMatch(warning)
    expect((await box.run(['bench', image, image, '--period', '10s'])).stderr).not.toMatch(warning)
    expect((await box.run(['bench', image, image, '--ready-exit'])).stderr).not.toMatch(warning)
  })

  test('a file of ours that is another one is named', async () => {
    await writeFile(join(box.folder, 'bench.json'), '{"version":1,"samples":[]}')
    await writeFile(join(box.folder, 'trace.json'), '{"version":1,"lookups":{}}')
    expect(await refused(['trace', 'show', 'bench.json'])).toMatch(
      /^bench\.json is a measurement, not a trace/,
    )
    expect(await refused(['report', 'broken.json', '--against', 'trace.json'])).toMatch(
      /^trace\.json is a trace, not a measurement/,
    )
  })

  test('a folder or an archive without its transport is told how to be written', async () => {
    expect(await refused(['verify', './image'])).toMatch(/^"\.\/image" is a path.*\n.* oci:\.\/image,/)
    expect(await box.run(['copy', image, 'oci:localhost/image:1'])).toMatchObject({ status: 0 })
    const { stderr } = await box.run(['verify', 'localhost/image:1'])
    expect(stderr).toMatch(
      /^localhost\/image:1 is on this disk, too: oci:localhost\/image:1 reads it from there$/m,
    )
    const other = await box.run(['verify', `${registry.host}/image`])
    expect(other.stderr).not.toMatch(/on this disk/)
  })

  test('verify says once that an image is not eStargz', async () => {
    const { status, stdout, stderr } = await box.run(['verify', image])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toBe(
      `headstart: ${image} is not eStargz: none of its 2 layers has a table of contents\n  Convert it with: headstart optimize\n`,
    )
  })

  test('an unknown command or flag shows how to get help', async () => {
    for (const [args, help] of [
      [['profil'], 'headstart --help shows the commands'],
      [['profil', '--help'], 'Did you mean profile?'],
      [['profile'], 'headstart profile --help shows the options'],
      [['profile', image, '--redy-exit'], 'headstart profile --help shows the options'],
      [['trace', 'shw'], 'headstart trace --help shows the commands'],
      [['trace', 'show'], 'headstart trace show --help shows the options'],
    ] as const) {
      const { status, stderr } = await box.run(args)
      expect(status).toBe(2)
      expect(stderr).toMatch(/^error: /)
      expect(stderr).toContain(help)
    }
  })
})
