/**
 * The OCI runtime configuration of a container, with Docker's defaults. Pure.
 *
 * Source: OCI runtime-spec, config.md and config-linux.md.
 */

import type { ProcessPlan } from '../options/process.ts'
import type { Bind, RunOptions, Ulimit } from '../options/run-options.ts'
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
  /** a namespace by its path, one that runc makes, or the host's */
  readonly network: { readonly path: string } | 'own' | 'host'
}

/** What `config.json` of the bundle holds. */
export function runcConfig(input: RuncConfigInput) {
  const { root, process, identity, options, hostname, machine } = input
  const capabilities = capabilitiesOf(options, machine)
  const { security = [] } = options
  const isRoot = identity.uid === 0
  return {
    ociVersion: '1.0.2',
    hostname,
    root: { path: root, readonly: options.readOnly ?? false },
    process: {
      terminal: options.tty ?? false,
      user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.additionalGids },
      args: process.args,
      env: withDefaults(process.env, {
        HOSTNAME: hostname,
        HOME: identity.home,
        ...(options.tty && { TERM: 'xterm' }),
      }),
      cwd: process.cwd,
      // As Docker: another user than root starts without effective capabilities.
      capabilities: {
        bounding: capabilities,
        effective: isRoot ? capabilities : [],
        permitted: isRoot ? capabilities : [],
        inheritable: [],
        ambient: [],
      },
      noNewPrivileges: security.some((each) => NO_NEW_PRIVILEGES.test(each)),
      rlimits: (options.ulimits ?? []).map(rlimit),
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
  const isConfined = !privileged && !options.security?.includes(UNCONFINED)
  const namespaces = ['uts', 'mount']
  if (options.pid !== 'host') namespaces.push('pid')
  if (options.ipc !== 'host') namespaces.push('ipc')
  // As Docker: only the unified hierarchy can be shown from the container's own place in it.
  if (machine.unifiedCgroups) namespaces.push('cgroup')
  return {
    cgroupsPath: `/${id}`,
    namespaces: [
      ...namespaces.map((type) => ({ type })),
      ...(network === 'host' ? [] : [{ type: 'network', ...(network !== 'own' && network) }]),
    ],
    sysctl: { ...(network !== 'host' && NETWORK_SYSCTLS), ...options.sysctls },
    resources: resourcesOf(options),
    ...(privileged && { devices: machine.devices.map(device) }),
    ...(!privileged && { maskedPaths: maskedPaths(machine.cpus), readonlyPaths: READONLY_PATHS }),
    ...(isConfined && { seccomp: seccompProfile(capabilities, machine.architecture) }),
  }
}

/** in µs, as the kernel's default */
const CPU_PERIOD = 100_000

function resourcesOf({ privileged, memoryBytes, cpus, pids }: RunOptions) {
  return {
    devices: privileged ? [{ allow: true, access: 'rwm' }] : ALLOWED_DEVICES,
    ...(memoryBytes !== undefined && { memory: { limit: memoryBytes } }),
    ...(cpus !== undefined && { cpu: { quota: Math.round(cpus * CPU_PERIOD), period: CPU_PERIOD } }),
    ...(pids !== undefined && { pids: { limit: pids } }),
  }
}

const UNCONFINED = 'seccomp=unconfined'
const NO_NEW_PRIVILEGES = /^no-new-privileges(?:[=:]true)?$/

/** Of `--security-opt`. */
export const isKnownSecurity = (text: string): boolean =>
  text === UNCONFINED || NO_NEW_PRIVILEGES.test(text) || /^no-new-privileges[=:]false$/.test(text)

/** The kernel's own sign for no limit is a larger number than JavaScript can write; this one limits nothing either. */
const rlimit = ({ name, soft, hard }: Ulimit) => ({
  type: `RLIMIT_${name.toUpperCase()}`,
  soft: soft === -1 ? Number.MAX_SAFE_INTEGER : soft,
  hard: hard === -1 ? Number.MAX_SAFE_INTEGER : hard,
})

/** "All" means those that we have ourselves: we can't grant more. */
function capabilitiesOf(
  { privileged, capAdd = [], capDrop = [] }: RunOptions,
  { capabilityBits }: Machine,
): string[] {
  const [added, dropped] = [capAdd.map(capability), capDrop.map(capability)]
  const all = ALL_CAPABILITIES.filter((_, bit) => (capabilityBits >> BigInt(bit)) & 1n)
  if (privileged) return all
  // As Docker: what is added by its name stays, whatever is dropped with all the others.
  const byName = added.filter((each) => each !== ALL)
  const base = added.includes(ALL) ? all : dropped.includes(ALL) ? [] : DEFAULT_CAPABILITIES
  return [...new Set([...base.filter((each) => !dropped.includes(each)), ...byName])]
}

const ALL = 'CAP_ALL'
const capability = (name: string): string => `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`

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
