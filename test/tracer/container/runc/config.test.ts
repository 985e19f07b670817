/** The OCI configuration that runc is given, with what Docker gives a container by default. */
import { expect, test } from 'vitest'
import { planProcess } from '../../../../tracer/container/options/process.ts'
import type { RunOptions } from '../../../../tracer/container/options/run-options.ts'
import { type RuncConfigInput, runcConfig } from '../../../../tracer/container/runc/config.ts'
import { PROCESS as config } from '../options/process-config.ts'

const machine = {
  architecture: 'x64',
  cpus: 2,
  unifiedCgroups: false,
  capabilityBits: 0x1fffeffffffn,
  devices: [],
}

const runc = (
  options: RunOptions,
  {
    uid = 0,
    on = machine,
    network = 'host',
  }: { uid?: number; on?: typeof machine; network?: RuncConfigInput['network'] } = {},
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

test('runc: by default as Docker, apart from the network', () => {
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
  const path = '/proc/1/ns/net'
  const apart = runc({}, { network: { path } }).linux
  expect(apart.namespaces).toContainEqual({ type: 'network', path })
  expect(runc({}, { network: 'own' }).linux.namespaces).toContainEqual({ type: 'network' })
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
