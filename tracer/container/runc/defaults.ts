/** Docker's defaults for a container: capabilities, mounts, devices, masked and read-only paths. Data. */

const capabilities = (names: string): string[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => `CAP_${name}`)

export const DEFAULT_CAPABILITIES: readonly string[] = capabilities(`
  CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`)

/** In the kernel's order: a capability's index is its bit. */
export const ALL_CAPABILITIES: readonly string[] = capabilities(`
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN
  NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
  SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON
  BPF CHECKPOINT_RESTORE`)

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]

/** runc skips those that don't exist. */
export const maskedPaths = (cpus: number): string[] => [
  ...MASKED_PATHS,
  ...Array.from({ length: cpus }, (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`),
]

export const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** In a network namespace of its own a program may listen on any port, and ping, as any user. */
export const NETWORK_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
}

const character = (major: number, minor?: number) => ({
  allow: true,
  type: 'c',
  major,
  ...(minor !== undefined && { minor }),
  access: 'rwm',
})

/** Rules of the devices' control group: any device may be made, few may be used. */
export const ALLOWED_DEVICES = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor)), // null, zero, full, random, urandom
  ...[0, 1, 2].map((minor) => character(5, minor)), // tty, console, ptmx
  character(136), // terminals
]

const DEFAULT_SHM_BYTES = 64 << 20

const mount = (destination: string, type: string, options: string, source = type) => ({
  destination,
  type,
  source,
  options: options.split(' '),
})

/** In the order they are mounted. */
export function systemMounts(shmBytes = DEFAULT_SHM_BYTES, privileged = false) {
  const access = privileged ? 'rw' : 'ro'
  return [
    mount('/proc', 'proc', 'nosuid noexec nodev'),
    mount('/dev', 'tmpfs', 'nosuid strictatime mode=755 size=65536k'),
    mount('/dev/pts', 'devpts', 'nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5'),
    mount('/sys', 'sysfs', `nosuid noexec nodev ${access}`),
    mount('/sys/fs/cgroup', 'cgroup', `nosuid noexec nodev ${access}`),
    mount('/dev/mqueue', 'mqueue', 'nosuid noexec nodev'),
    mount('/dev/shm', 'tmpfs', `nosuid noexec nodev mode=1777 size=${shmBytes}`, 'shm'),
  ]
}
