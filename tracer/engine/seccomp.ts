/**
 * A seccomp filter that refuses what Docker's default profile refuses, unless a capability allows it. Pure.
 *
 * Source: Docker's documentation, "Significant syscalls blocked by the default profile".
 */

const EPERM = 1
const ENOSYS = 38

/** Calls that no capability opens. */
const NEVER = [
  'add_key',
  'create_module',
  'get_kernel_syms',
  'kexec_file_load',
  'kexec_load',
  'keyctl',
  'move_pages',
  'nfsservctl',
  'query_module',
  'request_key',
  'swapoff',
  'swapon',
  'sysfs',
  '_sysctl',
  'uselib',
  'userfaultfd',
  'ustat',
  'vm86',
  'vm86old',
]

const BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_SYS_ADMIN: [
    'bpf',
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'lookup_dcookie',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
    'perf_event_open',
    'pivot_root',
    'quotactl',
    'setns',
    'umount',
    'umount2',
    'unshare',
  ],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'process_vm_readv', 'process_vm_writev'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_settime', 'settimeofday', 'stime'],
}

export function seccompProfile(capabilities: readonly string[]) {
  const refused = Object.entries(BY_CAPABILITY).flatMap(([capability, calls]) =>
    capabilities.includes(capability) ? [] : calls,
  )
  const mayUnshare = capabilities.includes('CAP_SYS_ADMIN')
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [
      { names: [...NEVER, ...refused], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      ...(mayUnshare ? [] : namespaceRules),
    ],
  }
}

/** Flags of clone(2) for a new mount, cgroup, uts, ipc, user, pid or network namespace. */
const NAMESPACE_FLAGS = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]

/** A new namespace may not be had by clone; clone3's flags can't be seen, so that programs are sent back to clone. */
const namespaceRules = [
  ...NAMESPACE_FLAGS.map((flag) => ({
    names: ['clone'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: EPERM,
    args: [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }],
  })),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
]
