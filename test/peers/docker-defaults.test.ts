/** Against Docker's own containers: what a program finds around it under runc is what `docker run` would have given it. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type Docker from 'dockerode'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyImage } from '../../image/copy.ts'
import { openTarget } from '../../image/targets.ts'
import type { Image } from '../../image/types.ts'
import type { RunOptions } from '../../tracer/container/options/run-options.ts'
import { dockerEngine } from '../support/engine.ts'
import { type TempFolder, tempFolder } from '../support/temp.ts'
import { compared, inDocker, inRunc, proberImage } from './surroundings.ts'

const NAME = `docker-defaults-${randomBytes(4).toString('hex')}:1`
let temp: TempFolder
let docker: Docker
let image: Image

beforeAll(async () => {
  temp = await tempFolder()
  docker = await dockerEngine()
  image = await proberImage(await temp.sub('image'))
  await using target = await openTarget(`docker-daemon:${NAME}`)
  await target.prepare({ force: false })
  await copyImage(image, target)
})

afterAll(async () => {
  await docker.getImage(NAME).remove({ force: true })
  await temp[Symbol.asyncDispose]()
})

test.each<[string, RunOptions, Docker.ContainerCreateOptions]>([
  ['without network', { network: 'none' }, { HostConfig: { NetworkMode: 'none' } }],
  [
    'on the host’s network, as another user',
    { network: 'host', user: 'web', env: ['A=c'] },
    { HostConfig: { NetworkMode: 'host' }, User: 'web', Env: ['A=c'] },
  ],
  [
    'with capabilities, mounts, memory, names',
    {
      network: 'none',
      capAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
      shmBytes: 1 << 20,
      memoryBytes: 1 << 28,
      addHosts: ['db.test:10.1.2.3'],
      binds: [
        { type: 'tmpfs', source: '', target: '/scratch', readOnly: false, options: ['size=2m', 'exec'] },
        { type: 'bind', source: '/usr/share', target: '/mnt/read', readOnly: true },
        { type: 'bind', source: '/usr/share', target: '/mnt/write', readOnly: false },
      ],
    },
    {
      HostConfig: {
        NetworkMode: 'none',
        CapAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
        ShmSize: 1 << 20,
        Memory: 1 << 28,
        ExtraHosts: ['db.test:10.1.2.3'],
        Tmpfs: { '/scratch': 'size=2m,exec' },
        Binds: ['/usr/share:/mnt/read:ro', '/usr/share:/mnt/write'],
      },
    },
  ],
])('%s', async (_name, run, config) => {
  const [theirs, ours] = await Promise.all([inDocker(docker, { Image: NAME, ...config }), inRunc(image, run)])
  expect(Object.keys(ours.calls).length).toBeGreaterThan(450)
  expect(Object.values(ours.calls).filter((said) => said === 'EPERM').length).toBeGreaterThan(10)
  const [engines, own] = compared(theirs, ours)
  expect(own?.namespaces.net).toBe(run.network === 'host' ? 'ours' : 'its own')
  expect(own).toEqual(engines)
})

test('a privileged container may what we may, and finds the machine’s devices', async () => {
  const { status, devices, writable } = await inRunc(image, { privileged: true })
  const own = /^CapBnd:\s*(\S+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]
  expect(status).toMatchObject({ CapEff: own, Seccomp: '0' })
  expect(devices.join('\n')).toMatch(/^\/dev\/fuse D\S+ 0:0 0xae5 $/m)
  expect(writable).toMatchObject({ '/proc/sys/kernel/hostname': true, '/etc/hosts': true })
})
