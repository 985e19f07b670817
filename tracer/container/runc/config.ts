/**
 * The OCI runtime configuration of a container, with Docker's defaults. Pure.
 *
 * Source: OCI runtime-spec, config.md and config-linux.md.
 */

import type { ProcessPlan } from '../options/process.ts'
import type { Bind, RunOptions } from '../options/run-options.ts'
import {
  ALL_CAPABILITIES,
  ALLOWED_DEVICES,
  DEFAULT_CAPABILITIES,
  maskedPaths,
  NETWORK_SYSCTLS,
  READONLY_PATHS,
  systemMounts,
} from './defaults.ts'
import type { HostDevice, Machine } from './machine.ts'
import type { NetworkFile } from './network-files.ts'
import { seccompProfile } from './seccomp.ts'
import type { Identity } from './users.ts'

export interface RuncConfigInput {
  readonly id: string
  readonly root: string
  readonly hostname: string
  readonly process: ProcessPlan
  readonly identity: Identity
  readonly options: RunOptions
  /** our files to bind over those of the root */
  readonly files: readonly NetworkFile[]
  readonly machine: Machine
  /** the path of a network namespace; without it the container is on the host's network */
  readonly network?: string
}

/** What `config.json` of the bundle holds. */
export function runcConfig(input: RuncConfigInput) {
  const { root, process, identity, options, hostname, machine } = input
  const capabilities = capabilitiesOf(options, machine)
  const isRoot = identity.uid === 0
  return {
    ociVersion: '1.0.2',
    hostname,
    root: { path: root },
    process: {
      terminal: false,
      user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.additionalGids },
      args: process.args,
      env: withDefaults(process.env, { HOSTNAME: hostname, HOME: identity.home }),
      cwd: process.cwd,
      // As Docker: another user than root starts without effective capabilities.
      capabilities: {
        bounding: capabilities,
        effective: isRoot ? capabilities : [],
        permitted: isRoot ? capabilities : [],
        inheritable: [],
        ambient: [],
      },
      noNewPrivileges: false,
      oomScoreAdj: 0, // else it would inherit ours
    },
    mounts: [
      ...systemMounts(options.shmBytes, options.privileged),
      ...(options.binds ?? []).flatMap(bindMount),
      ...input.files.map(fileMount),
    ],
    linux: linuxPart(input, capabilities),
  }
}

function linuxPart({ id, options, machine, network }: RuncConfigInput, capabilities: readonly string[]) {
  const privileged = options.privileged ?? false
  const namespaces = ['pid', 'ipc', 'uts', 'mount']
  // As Docker: only the unified hierarchy can be shown from the container's own place in it.
  if (machine.unifiedCgroups) namespaces.push('cgroup')
  return {
    cgroupsPath: `/${id}`,
    namespaces: [
      ...namespaces.map((type) => ({ type })),
      ...(network === undefined ? [] : [{ type: 'network', path: network }]),
    ],
    ...(network !== undefined && { sysctl: NETWORK_SYSCTLS }),
    resources: {
      devices: privileged ? [{ allow: true, access: 'rwm' }] : ALLOWED_DEVICES,
      ...(options.memoryBytes !== undefined && { memory: { limit: options.memoryBytes } }),
    },
    ...(privileged && { devices: machine.devices.map(device) }),
    ...(!privileged && {
      maskedPaths: maskedPaths(machine.cpus),
      readonlyPaths: READONLY_PATHS,
      seccomp: seccompProfile(capabilities, machine.architecture),
    }),
  }
}

/** "All" means those that we have ourselves: we can't grant more. */
function capabilitiesOf({ privileged, capAdd = [] }: RunOptions, { capabilityBits }: Machine): string[] {
  const added = capAdd.map((name) => `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`)
  if (privileged || added.includes('CAP_ALL'))
    return ALL_CAPABILITIES.filter((_, bit) => (capabilityBits >> BigInt(bit)) & 1n)
  return [...new Set([...DEFAULT_CAPABILITIES, ...added])]
}

/** Adds those that neither the image nor the caller sets. */
function withDefaults(env: readonly string[], defaults: Readonly<Record<string, string>>): string[] {
  const names = new Set(env.map((entry) => entry.split('=')[0]))
  const missing = Object.entries(defaults).filter(([name]) => !names.has(name))
  return [...env, ...missing.map(([name, value]) => `${name}=${value}`)]
}

const device = ({ path, type, major, minor, mode, uid, gid }: HostDevice) => ({
  path,
  type,
  major,
  minor,
  fileMode: mode,
  uid,
  gid,
})

function bindMount({ type, source, target, readOnly, options = [] }: Bind) {
  const access = readOnly ? 'ro' : 'rw'
  // As Docker: what is asked for wins.
  const tmpfs = ['nosuid', 'nodev', 'noexec', access, ...options]
  if (type === 'volume') return [] // part of the root
  if (type === 'tmpfs') return { destination: target, type, source: type, options: tmpfs }
  return { destination: target, type: 'bind', source, options: ['rbind', 'rprivate', access] }
}

const fileMount = ({ source, target }: NetworkFile) => ({
  destination: target,
  type: 'bind',
  source,
  options: ['bind', 'rprivate', 'rw'],
})
