/**
 * The OCI runtime configuration of a container, with what Docker gives one by default: capabilities, masked paths, devices, mounts and a
 * seccomp filter. Pure.
 *
 * Source: OCI runtime-spec, config.md and config-linux.md.
 */
import type { ProcessPlan } from './process.ts'
import type { Bind, RunOptions } from './run-options.ts'
import { seccompProfile } from './seccomp.ts'
import type { Identity } from './users.ts'

export interface RuncConfigInput {
  readonly id: string
  readonly root: string
  readonly process: ProcessPlan
  readonly identity: Identity
  readonly options: RunOptions
  /** files of ours to bind over those of the root */
  readonly files: readonly { readonly source: string; readonly target: string }[]
}

const DEFAULT_CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
]

const ALL_CAPABILITIES = [
  ...DEFAULT_CAPABILITIES,
  'DAC_READ_SEARCH',
  'LINUX_IMMUTABLE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'LEASE',
  'AUDIT_CONTROL',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
]

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
]

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

const DEFAULT_SHM_BYTES = 64 << 20

export function runcConfig(input: RuncConfigInput) {
  const { id, root, process, identity, options } = input
  const capabilities = capabilitiesOf(options)
  const isRoot = identity.uid === 0
  return {
    ociVersion: '1.0.2',
    hostname: id.slice(-12),
    root: { path: root },
    process: {
      terminal: false,
      user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.additionalGids },
      args: process.args,
      env: withHome(process.env, identity.home),
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
    },
    mounts: [
      ...systemMounts(options),
      ...(options.binds ?? []).map(bindMount),
      ...input.files.map(fileMount),
    ],
    linux: linuxPart(id, options, capabilities),
  }
}

function linuxPart(id: string, options: RunOptions, capabilities: readonly string[]) {
  const privileged = options.privileged ?? false
  return {
    cgroupsPath: `/${id}`,
    namespaces: ['pid', 'ipc', 'uts', 'mount', ...(options.network === 'none' ? ['network'] : [])].map(
      (type) => ({ type }),
    ),
    resources: {
      devices: privileged ? [{ allow: true, access: 'rwm' }] : ALLOWED_DEVICES,
      ...(options.memoryBytes !== undefined && { memory: { limit: options.memoryBytes } }),
    },
    ...(!privileged && {
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      seccomp: seccompProfile(capabilities),
    }),
  }
}

function capabilitiesOf({ privileged, capAdd = [] }: RunOptions): string[] {
  const added = capAdd.map((name) => name.toUpperCase().replace(/^CAP_/, ''))
  const names = privileged || added.includes('ALL') ? ALL_CAPABILITIES : [...DEFAULT_CAPABILITIES, ...added]
  return [...new Set(names)].map((name) => `CAP_${name}`)
}

const withHome = (env: readonly string[], home: string): string[] =>
  env.some((entry) => entry.startsWith('HOME=')) ? [...env] : [...env, `HOME=${home}`]

const ALLOWED_DEVICES = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  // null, zero, full, random, urandom, tty, console, ptmx and terminals
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
  ].map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' })),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
]

const mount = (destination: string, type: string, options: readonly string[]) => ({
  destination,
  type,
  source: type,
  options,
})

function systemMounts({ shmBytes = DEFAULT_SHM_BYTES, privileged }: RunOptions) {
  const access = privileged ? 'rw' : 'ro'
  return [
    mount('/proc', 'proc', ['nosuid', 'noexec', 'nodev']),
    mount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    mount('/dev/shm', 'tmpfs', ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${shmBytes}`]),
    mount('/dev/mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
    // A bind works with the host's network namespace too, where a fresh sysfs is refused.
    { ...mount('/sys', 'bind', ['rbind', 'nosuid', 'noexec', 'nodev', access]), source: '/sys' },
  ]
}

function bindMount({ type, source, target, readOnly }: Bind) {
  if (type === 'tmpfs') return mount(target, 'tmpfs', ['nosuid', 'nodev', 'noexec'])
  return { destination: target, type: 'bind', source, options: ['rbind', readOnly ? 'ro' : 'rw'] }
}

const fileMount = ({ source, target }: { readonly source: string; readonly target: string }) => ({
  destination: target,
  type: 'bind',
  source,
  options: ['bind', 'rprivate', 'rw'],
})
