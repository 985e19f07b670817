/** Images that have links and files where an engine mounts: nothing happens to this machine, and the container is as Docker's. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import { parseRunOptions, type RunFlags } from '../../../tracer/container/options/parse-run-options.ts'
import type { EngineName } from '../../../tracer/container/types.ts'
import { profileImage } from '../../../tracer/profile.ts'
import type { Trace } from '../../../tracer/trace/file.ts'
import { busyboxRoot, writeImage } from '../../support/images.ts'

import { device, dir, fifo, file, symlink, type TarItem, tarOf } from '../../support/tar.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

import { leftovers } from '../leftovers.ts'

afterAll(async () => {
  expect(await leftovers()).toEqual([])
})

/** What engines write or mount, by name, in a folder of this machine: none of it may change. */
const CANARIES = [
  'ptmx',
  'fd',
  'stdin',
  'core',
  'null',
  'hosts',
  'resolv.conf',
  'hostname',
  'cgroup',
  'inside',
]

async function canaries(temp: TempFolder): Promise<string> {
  const folder = await temp.sub('of-the-host')
  for (const name of CANARIES) await writeFile(join(folder, name), `canary ${name}\n`)
  return folder
}

async function expectUntouched(folder: string): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual([...CANARIES].sort())
  for (const name of CANARIES) expect(await readFile(join(folder, name), 'utf8')).toBe(`canary ${name}\n`)
}

interface Run {
  readonly items: readonly TarItem[]
  /** of the usual root, to be left out */
  readonly without?: readonly string[]
  readonly script: string
  readonly flags?: RunFlags
}

const roots = new Map<string, Promise<Buffer>>()

/** The usual root, packed once for all tests that leave out the same. */
function rootWithout(names: readonly string[]): Promise<Buffer> {
  const key = names.join()
  const isLeft = ({ name }: TarItem) =>
    !names.some((one) => name === one || name === `${one}/` || name.startsWith(`${one}/`))
  const root = roots.get(key) ?? busyboxRoot().then((items) => tarOf(items.filter(isLeft)))
  roots.set(key, root)
  return root
}

async function start(temp: TempFolder, engine: EngineName, { items, without = [], script, flags = {} }: Run) {
  const root = await rootWithout(without)
  await using source = await openSource(await writeImage(await temp.sub('image'), { layers: [root, items] }))
  const output: Buffer[] = []
  const { trace } = await profileImage({
    image: await source.image(),
    engine,
    command: ['/bin/busybox', 'sh', '-c', `exec 2>&1; PATH=/bin; ${script}`],
    run: parseRunOptions({ network: 'none', ...flags }, { env: {}, folder: temp.path }),
    ready: { by: 'exit' },
    onOutput: (_stream, chunk) => output.push(chunk),
    tool: 'test',
  })
  return { trace, output: Buffer.concat(output).toString() }
}

const pathsOf = ({ files }: Trace): string[] => files.map(({ path }) => path)

describe.each<EngineName>(['runc', 'docker'])('%s', (engine) => {
  test.each([
    ['/dev', 'dev', 'test -c /dev/null && ls -ld /dev'],
    ['/proc', 'proc', 'test -e /proc/self/status && ls -ld /proc'],
    ['/sys', 'sys', 'test -e /sys/kernel && ls -ld /sys'],
    ['/etc', 'etc', 'cat /etc/hosts | grep -c localhost; ls -ld /etc'],
  ])('%s is a link to a folder of this machine', async (_, name, script) => {
    await using temp = await tempFolder()
    const folder = await canaries(temp)
    for (const target of [folder, `../../../../../../../..${folder}`]) {
      // Docker refuses to unpack a link that leaves its root.
      const { output } = await start(temp, engine, {
        without: [name],
        items: [symlink(name, target)],
        script,
      })
      expect(output).toMatch(new RegExp(`drwxr-xr-x .* /${name}$|dr-xr-xr-x .* /${name}$`, 'm'))
      await expectUntouched(folder)
    }
  })

  test.each([
    ['a file', [file('dev', 'x'), file('proc', 'x'), file('sys', 'x')]],
    ['a device', [device('dev', 1, 3), device('proc', 1, 3), device('sys', 1, 3)]],
    ['nothing', []],
  ])('/dev, /proc and /sys are %s', async (_, items) => {
    await using temp = await tempFolder()
    const { output } = await start(temp, engine, {
      without: ['dev', 'proc', 'sys'],
      items,
      script: 'echo x > /dev/null; test -e /proc/self/status && test -e /sys/kernel && echo fine',
    })
    expect(output).toBe('fine\n')
  })

  test.each([
    ['pipes', [fifo('etc/passwd'), fifo('etc/group')]],
    [
      'links to a pipe',
      [symlink('etc/passwd', '/run/pipe'), symlink('etc/group', 'passwd'), fifo('run/pipe')],
    ],
    [
      'links to what the engine mounts over files',
      [
        symlink('etc/passwd', '/dev/ptmx'),
        symlink('etc/group', '/dev/fd/../../kmsg'),
        file('dev/ptmx', ''),
        file('kmsg', ''),
      ],
    ],
  ])('the files of users are %s, which an engine would wait for', async (_, items) => {
    await using temp = await tempFolder()
    const { output } = await start(temp, engine, { items, script: 'cat /etc/passwd /etc/group && echo fine' })
    expect(output).toBe('fine\n')
  })

  test('the files of users are links to files, and stay', async () => {
    await using temp = await tempFolder()
    const { output } = await start(temp, engine, {
      items: [symlink('etc/passwd', '../lib/users'), file('lib/users', 'one:x:7:8::/:/bin/sh\n')],
      flags: { user: 'one' },
      script: 'readlink /etc/passwd; id -u',
    })
    expect(output).toBe('../lib/users\n7\n')
  })

  test('the files of name and network are links, devices, and a link to a link', async () => {
    await using temp = await tempFolder()
    const folder = await canaries(temp)
    const { output, trace } = await start(temp, engine, {
      items: [
        symlink('etc/hosts', `${folder}/hosts`),
        symlink('etc/resolv.conf', '../run/resolv'),
        symlink('run/resolv', `${folder}/resolv.conf`),
        device('etc/hostname', 1, 3),
      ],
      flags: { addHost: ['db:10.1.2.3'], dns: ['10.9.9.9'] },
      script: 'cat /etc/hosts /etc/resolv.conf /etc/hostname; ls -l /etc/hosts; ls /run',
    })
    expect(output).toContain('10.1.2.3')
    expect(output).toContain('nameserver 10.9.9.9')
    expect(output).toMatch(/^[0-9a-f]{12}$/m)
    expect(output).toMatch(/^-rw-r--r-- .* \/etc\/hosts$/m)
    expect(pathsOf(trace)).not.toContain('etc/hosts')
    await expectUntouched(folder)
  })

  test('what is mounted below a link lies where the link leads inside the container', async () => {
    await using temp = await tempFolder()
    const folder = await canaries(temp)
    await mkdir(join(temp.path, 'given'))
    await writeFile(join(temp.path, 'given/inside'), 'given\n')
    const { output } = await start(temp, engine, {
      items: [
        dir('srv/'),
        dir('srv/lib/'),
        dir('srv/data/'),
        symlink('lib', 'srv/lib'),
        symlink('abs', '/srv/data'),
        symlink('out', folder),
        symlink('own', '/srv/own'),
      ],
      flags: {
        volume: ['./given:/lib', './given:/abs/sub', './given:/out', '/own/volume'],
        tmpfs: ['/own/tmp'],
      },
      script: `cat /srv/lib/inside /srv/data/sub/inside ${folder}/inside; touch /own/volume/x /own/tmp/x && ls /srv/own; ls /lib`,
    })
    expect(output).toBe('given\ngiven\ngiven\ntmp\nvolume\ninside\n')
    await expectUntouched(folder)
    expect(await readdir(join(temp.path, 'given'))).toEqual(['inside'])
  })

  test('devices of the image are there and work, at the root as deeper down', async () => {
    await using temp = await tempFolder()
    const { output } = await start(temp, engine, {
      items: [dir('opt/'), device('opt/null', 1, 3), device('null', 1, 3)],
      script: 'for at in /null /opt/null; do test -c $at && echo x > $at && stat -c %t:%T $at; done',
    })
    expect(output).toBe('1:3\n1:3\n')
  })

  test('a folder of the image’s root may be mounted over', async () => {
    await using temp = await tempFolder()
    await writeFile(join(temp.path, 'inside'), 'given\n')
    const { output } = await start(temp, engine, {
      items: [dir('data/'), file('data/inside', 'of the image\n')],
      flags: { volume: ['.:/data:ro'], tmpfs: ['/tmp'] },
      script: 'cat /data/inside; mount | grep -c " /tmp "',
    })
    expect(output).toBe('given\n1\n')
  })
})
