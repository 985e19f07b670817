/** docker-run's options, read as Docker reads them. */
import { expect, test } from 'vitest'
import { parseRunOptions, type RunFlags } from '../../../../tracer/container/options/parse-run-options.ts'

const around = { env: { HOME: '/home/me', TOKEN: 'own' }, folder: '/home' }
const parse = (flags: RunFlags) => parseRunOptions(flags, around)

test('nothing given: nothing decided', () => {
  expect(parse({})).toEqual({})
})

test('environment: files first, a name alone is passed on, an unknown one is left out', () => {
  const envFiles = ['# comment\n\n  A=1\r\nTOKEN\nB=x=y\n']
  expect(parse({ envFiles, env: ['A=2', 'MISSING', 'EMPTY='] }).env).toEqual([
    'A=1',
    'TOKEN=own',
    'B=x=y',
    'A=2',
    'EMPTY=',
  ])
})

test.each([
  ['/a:/b', { type: 'bind', source: '/a', target: '/b', readOnly: false, create: true }],
  [
    './a:/b:ro',
    { type: 'bind', source: '/home/a', target: '/b', readOnly: true, create: true, relative: true },
  ],
  ['data:/b:z,ro', { type: 'volume', source: 'data', target: '/b', readOnly: true }],
  ['/cache', { type: 'volume', source: '', target: '/cache', readOnly: false }],
])('-v %s', (text, bind) => {
  expect(parse({ volume: [text] }).binds).toEqual([bind])
})

test.each([
  [
    'type=bind,src=a,dst=/b,readonly',
    { type: 'bind', source: '/home/a', target: '/b', readOnly: true, relative: true },
  ],
  ['source=v,target=/b', { type: 'volume', source: 'v', target: '/b', readOnly: false }],
  ['type=tmpfs,destination=/t', { type: 'tmpfs', source: '', target: '/t', readOnly: false }],
  [
    'type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700,readonly',
    { type: 'tmpfs', source: '', target: '/t', readOnly: true, options: ['size=1048576', 'mode=700'] },
  ],
])('--mount %s', (text, bind) => {
  expect(parse({ mount: [text] }).binds).toEqual([bind])
})

test.each([
  ['/t', { type: 'tmpfs', source: '', target: '/t', readOnly: false }],
  ['/t:ro,size=1m', { type: 'tmpfs', source: '', target: '/t', readOnly: true, options: ['ro', 'size=1m'] }],
])('--tmpfs %s', (text, bind) => {
  expect(parse({ tmpfs: [text] }).binds).toEqual([bind])
})

test.each([
  ['80', [{ hostIp: '', hostPort: '', containerPort: 80, protocol: 'tcp' }]],
  ['8080:80', [{ hostIp: '', hostPort: '8080', containerPort: 80, protocol: 'tcp' }]],
  ['127.0.0.1:8080:80/udp', [{ hostIp: '127.0.0.1', hostPort: '8080', containerPort: 80, protocol: 'udp' }]],
  ['[::1]::80', [{ hostIp: '::1', hostPort: '', containerPort: 80, protocol: 'tcp' }]],
  [
    '90-91:80-81',
    [
      { hostIp: '', hostPort: '90', containerPort: 80, protocol: 'tcp' },
      { hostIp: '', hostPort: '91', containerPort: 81, protocol: 'tcp' },
    ],
  ],
])('-p %s', (text, ports) => {
  expect(parse({ publish: [text] }).publish).toEqual(ports)
})

test('limits, names, namespaces, security', () => {
  const flags: RunFlags = {
    name: 'web-1',
    hostname: 'web.local',
    label: ['a=b=c', 'bare'],
    ulimit: ['nofile=1:2', 'core=-1'],
    cpus: '1.5',
    pidsLimit: '20',
    device: ['/dev/a', '/dev/a:r', '/dev/a:/dev/b', '/dev/a:/dev/b:rw'],
    sysctl: ['net.core.somaxconn=1024'],
    pid: 'host',
    ipc: 'container:other',
    securityOpt: ['no-new-privileges', 'label=disable'],
    groupAdd: ['audio'],
    capDrop: ['ALL'],
    init: true,
    readOnly: true,
    stopSignal: 'SIGQUIT',
  }
  expect(parse(flags)).toEqual({
    name: 'web-1',
    hostname: 'web.local',
    labels: { a: 'b=c', bare: '' },
    ulimits: [
      { name: 'nofile', soft: 1, hard: 2 },
      { name: 'core', soft: -1, hard: -1 },
    ],
    cpus: 1.5,
    pids: 20,
    devices: [
      { source: '/dev/a', target: '/dev/a', access: 'rwm' },
      { source: '/dev/a', target: '/dev/a', access: 'r' },
      { source: '/dev/a', target: '/dev/b', access: 'rwm' },
      { source: '/dev/a', target: '/dev/b', access: 'rw' },
    ],
    sysctls: { 'net.core.somaxconn': '1024' },
    pid: 'host',
    ipc: 'container:other',
    security: ['no-new-privileges', 'label=disable'],
    groups: ['audio'],
    capDrop: ['ALL'],
    init: true,
    readOnly: true,
    stopSignal: 'SIGQUIT',
  })
})

test('sizes, hosts, GPUs, entrypoint', () => {
  const flags = { memory: '1.5g', shmSize: '64KiB', addHost: ['db=10.0.0.1'], gpus: 'all', entrypoint: '' }
  expect(parse(flags)).toEqual({
    memoryBytes: 1.5 * 2 ** 30,
    shmBytes: 65536,
    addHosts: ['db:10.0.0.1'],
    gpus: -1,
    entrypoint: [],
  })
})

test.each<[string, RunFlags]>([
  ['-p', { publish: ['web'] }],
  ['-p', { publish: ['1-2:3'] }],
  ['-p', { publish: ['70000'] }],
  ['-v', { volume: ['a:b:c:d'] }],
  ['-v', { volume: ['/a:relative'] }],
  ['--mount', { mount: ['type=npipe,target=/x'] }],
  ['--mount', { mount: ['type=bind,target=/x'] }],
  ['-w', { workdir: 'relative' }],
  ['-m', { memory: 'much' }],
  ['--gpus', { gpus: 'device=0' }],
  ['--add-host', { addHost: ['nowhere'] }],
  ['-e', { env: ['=secret'] }],
  ['--name', { name: 'a' }],
  ['--hostname', { hostname: '-x' }],
  ['--label', { label: ['=x'] }],
  ['--ulimit', { ulimit: ['nofile'] }],
  ['--ulimit', { ulimit: ['files=1'] }],
  ['--ulimit', { ulimit: ['nofile=2:1'] }],
  ['--cpus', { cpus: '0' }],
  ['--pids-limit', { pidsLimit: 'x' }],
  ['--device', { device: ['sda'] }],
  ['--device', { device: ['/dev/a:/dev/b:x'] }],
  ['--sysctl', { sysctl: ['name'] }],
  ['--pid', { pid: 'mine' }],
  ['--ipc', { ipc: 'container:' }],
  ['--security-opt', { securityOpt: ['secure'] }],
])('%s refuses what it can’t mean: %j', (option, flags) => {
  expect(() => parse(flags)).toThrow(expect.objectContaining({ code: 'E_OPTION' }))
  expect(() => parse(flags)).toThrow(option)
})

test('an error of -e doesn’t repeat a value', () => {
  expect(() => parse({ env: ['A B=hunter2'] })).toThrow(/^(?!.*hunter2)/)
})
