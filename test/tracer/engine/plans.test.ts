/** What a container is started with: the process, its user, and each engine's configuration. */
import { expect, test } from 'vitest'
import { bareComplaint } from '../../../tracer/container/complaint.ts'
import { containerConfig } from '../../../tracer/container/docker-config.ts'
import { mergeEnv, planProcess } from '../../../tracer/container/process.ts'
import type { RunOptions } from '../../../tracer/container/run-options.ts'
import { runcConfig } from '../../../tracer/container/runc-config.ts'
import { resolveUser } from '../../../tracer/container/users.ts'

const config = {
  env: ['PATH=/app', 'A=image'],
  entrypoint: ['/entry'],
  cmd: ['serve'],
  workingDir: '/srv',
  user: 'web',
  stopSignal: undefined,
  exposedPorts: [],
  volumes: [],
  healthcheck: undefined,
}

test('the image’s own process', () => {
  expect(planProcess(config, {}, [])).toEqual({
    args: ['/entry', 'serve'],
    env: ['PATH=/app', 'A=image'],
    cwd: '/srv',
    user: 'web',
  })
})

test.each<[string, RunOptions, string[], string[]]>([
  ['a command replaces Cmd', {}, ['other'], ['/entry', 'other']],
  ['another entrypoint drops Cmd', { entrypoint: ['/mine'] }, [], ['/mine']],
  ['no entrypoint, a command', { entrypoint: [] }, ['sh', '-c', 'x'], ['sh', '-c', 'x']],
])('%s', (_name, options, command, args) => {
  expect(planProcess(config, options, command).args).toEqual(args)
})

test('nothing to run is an error; a PATH is always there', () => {
  expect(() => planProcess({ ...config, entrypoint: [], cmd: [] }, {}, [])).toThrow(/no command/)
  expect(() => planProcess(config, { entrypoint: [] }, [])).toThrow(/no command/)
  expect(planProcess({ ...config, env: [] }, {}, []).env[0]).toMatch(/^PATH=.*\/usr\/bin/)
  expect(mergeEnv(['A=1', 'BARE', '=x'], ['A=2', 'B=a=b'])).toEqual(['A=2', 'B=a=b'])
})

const passwd = 'root:x:0:0:root:/root:/bin/sh\n# no\nweb:x:1000:1000::/srv:/bin/sh\n'
const group = 'root:x:0:\nweb:x:1000:\nextra:x:1001:other,web\nstaff:x:50:\n'

test.each([
  ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['web', { uid: 1000, gid: 1000, additionalGids: [1000, 1001], home: '/srv' }],
  ['1000', { uid: 1000, gid: 1000, additionalGids: [1000, 1001], home: '/srv' }],
  ['web:staff', { uid: 1000, gid: 50, additionalGids: [50], home: '/srv' }],
  ['1234:5678', { uid: 1234, gid: 5678, additionalGids: [5678], home: '/' }],
])('user %j', (user, identity) => {
  expect(resolveUser(user, passwd, group)).toEqual(identity)
})

test.each(['nobody-here', 'web:nobody-here'])('user %j is not in the image', (user) => {
  expect(() => resolveUser(user, passwd, group)).toThrow(expect.objectContaining({ code: 'E_USER' }))
})

const docker = (options: RunOptions) =>
  containerConfig({ id: 'headstart-1-ab', process: planProcess(config, options, []), options }, 'shell:1', [])

test('docker: nothing asked for, nothing but the process', () => {
  const { HostConfig, ...rest } = docker({})
  expect(rest).toMatchObject({
    Entrypoint: ['/entry'],
    Cmd: ['serve'],
    User: 'web',
    Tty: false,
    OpenStdin: false,
  })
  expect(HostConfig).toMatchObject({ Privileged: false, Mounts: [], PortBindings: {} })
  for (const absent of ['NetworkMode', 'ShmSize', 'Memory', 'DeviceRequests'])
    expect(HostConfig).not.toHaveProperty(absent)
})

test('docker: options are the engine’s', () => {
  const { HostConfig, ...rest } = docker({
    interactive: true,
    tty: true,
    gpus: -1,
    network: 'mine',
    publish: [{ hostIp: '127.0.0.1', hostPort: '8080', containerPort: 80, protocol: 'tcp' }],
    binds: [
      { type: 'volume', source: 'data', target: '/data', readOnly: true },
      { type: 'tmpfs', source: '', target: '/t', readOnly: false, options: ['size=1m'] },
    ],
  })
  expect(rest).toMatchObject({ Tty: true, OpenStdin: true, StdinOnce: true, ExposedPorts: { '80/tcp': {} } })
  expect(HostConfig).toMatchObject({
    NetworkMode: 'mine',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
    DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }],
    Mounts: [{ Type: 'volume', Source: 'data', Target: '/data', ReadOnly: true }],
    Tmpfs: { '/t': 'rw,size=1m' },
  })
})

test.each([
  [
    '(HTTP code 500) server error - failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "x": not found: unknown',
    'exec: "x": not found',
  ],
  ['runc run failed: unable to start container process: error during container init: a\n  b', 'a b'],
  ['nothing to strip', 'nothing to strip'],
])('a complaint in one line, without those it went through: %s', (text, bare) => {
  expect(bareComplaint(text)).toBe(bare)
})

const machine = {
  architecture: 'x64',
  cpus: 2,
  unifiedCgroups: false,
  capabilityBits: 0x1fffeffffffn,
  devices: [],
}

const runc = (
  options: RunOptions,
  { uid = 0, on = machine, network }: { uid?: number; on?: typeof machine; network?: string } = {},
) =>
  runcConfig({
    id: 'headstart-1-abcdef012345',
    root: '/root',
    hostname: 'abcdef012345',
    process: planProcess(config, options, []),
    identity: { uid, gid: 0, additionalGids: [0], home: '/h' },
    options,
    files: [],
    machine: on,
    network,
  })

const allows = (options: RunOptions, call: string, on = machine) =>
  runc(options, { on }).linux.seccomp?.syscalls.some(
    ({ names, action, args }) => action === 'SCMP_ACT_ALLOW' && !args && names.includes(call),
  )

test('runc: by default as Docker, the network apart, which is made beforehand', () => {
  const { process, linux } = runc({})
  expect(process.env).toEqual(expect.arrayContaining(['HOME=/h', 'HOSTNAME=abcdef012345']))
  expect(process.capabilities.effective).toContain('CAP_NET_BIND_SERVICE')
  expect(process.capabilities.effective).not.toContain('CAP_SYS_ADMIN')
  expect(linux.namespaces.map(({ type }) => type)).not.toContain('network')
  expect(linux.maskedPaths).toEqual(
    expect.arrayContaining(['/proc/kcore', '/sys/devices/system/cpu/cpu1/thermal_throttle']),
  )
})

test('runc: options change what they should', () => {
  const network = '/proc/1/ns/net'
  const apart = runc({}, { network }).linux
  expect(apart.namespaces).toContainEqual({ type: 'network', path: network })
  expect(apart.sysctl).toHaveProperty(['net.ipv4.ip_unprivileged_port_start'])
  expect(runc({ capAdd: ['sys_admin'] }).process.capabilities.bounding).toContain('CAP_SYS_ADMIN')
  expect(runc({ privileged: true }).linux.seccomp).toBeUndefined()
  expect(runc({ privileged: true }).linux.maskedPaths).toBeUndefined()
  const all = runc({ capAdd: ['all'] }).process.capabilities.bounding
  expect(all).toContain('CAP_SYS_ADMIN')
  expect(all).not.toContain('CAP_SYS_RESOURCE') // which this machine hasn't to give
  expect(runc({}, { uid: 1000 }).process.capabilities.effective).toEqual([])
  expect(runc({ memoryBytes: 1 << 20 }).linux.resources.memory).toEqual({ limit: 1 << 20 })
  expect(runc({ env: ['HOME=/mine'] }).process.env).not.toContain('HOME=/h')
})

test('runc: where control groups are one hierarchy the container sees its own place as the root', () => {
  const unified = { ...machine, unifiedCgroups: true }
  expect(runc({}, { on: unified }).linux.namespaces).toContainEqual({ type: 'cgroup' })
  expect(runc({}).linux.namespaces).not.toContainEqual({ type: 'cgroup' })
})

test('seccomp: calls are allowed always, with a capability, or on an architecture', () => {
  expect(['openat', 'mount', 'io_uring_setup', 'clone'].map((call) => allows({}, call))).toEqual([
    true,
    false,
    false,
    false,
  ])
  for (const call of ['mount', 'clone', 'clone3']) expect(allows({ capAdd: ['sys_admin'] }, call)).toBe(true)
  const elsewhere = { ...machine, architecture: 'arm64' }
  expect([allows({}, 'modify_ldt'), allows({}, 'modify_ldt', elsewhere)]).toEqual([true, false])
  expect(allows({}, 'set_tls', elsewhere)).toBe(true)
  expect(runc({}, { on: { ...machine, architecture: 'mips' } }).linux.seccomp?.architectures).toEqual([])
})

test('seccomp: clone without new namespaces; clone3 is unknown, so that clone is used', () => {
  const rules = runc({}).linux.seccomp?.syscalls ?? []
  expect(rules.filter(({ names }) => names.includes('clone'))).toEqual([
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
  ])
  expect(rules.filter(({ names }) => names.includes('clone3'))).toMatchObject([{ errnoRet: 38 }])
  const s390x = runc({}, { on: { ...machine, architecture: 's390x' } }).linux.seccomp?.syscalls ?? []
  expect(s390x.find(({ names }) => names.includes('clone'))?.args?.[0]?.index).toBe(1)
})
