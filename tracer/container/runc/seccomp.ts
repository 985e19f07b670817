/**
 * The seccomp filter of a container as Docker's default makes it: what isn't allowed is refused with EPERM. Pure.
 *
 * Source: OCI runtime-spec, config-linux.md, "Seccomp"; Docker's documentation, "Seccomp security profiles".
 */
import { ALWAYS, ARCHITECTURES, BY_CAPABILITY } from './seccomp-calls.ts'

const EPERM = 1
const ENOSYS = 38

interface Argument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_LT' | 'SCMP_CMP_MASKED_EQ'
}

export interface Rule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly errnoRet?: number
  readonly args?: readonly Argument[]
}

/** Flags of clone(2) for a new mount, cgroup, uts, ipc, user, pid or network namespace. */
const NAMESPACE_FLAGS = 0x7e020000

/** PER_LINUX and PER_LINUX32, each as it is and with UNAME26, and the question which one it is. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff]

/** Families below this one are all allowed (unix, inet, inet6, …), and some of those above: netlink, packet, can, tipc, bluetooth, … */
const FAMILIES_BELOW = 12
const FAMILIES = [
  13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
]

/**
 * @param capabilities `CAP_…` of the bounding set: each opens calls
 * @param architecture Node's name for the machine's; for one that isn't known the filter covers native programs alone
 */
export function seccompProfile(capabilities: readonly string[], architecture: string) {
  const { filters = [], calls = [] } = ARCHITECTURES[architecture] ?? {}
  const opened = Object.entries(BY_CAPABILITY).flatMap(([capability, names]) =>
    capabilities.includes(capability) ? names : [],
  )
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: filters.map((name) => `SCMP_ARCH_${name}`),
    syscalls: [
      allow([...ALWAYS, ...calls, ...opened]),
      // One rule a condition: any of them is enough.
      allow(['socket'], { index: 0, value: FAMILIES_BELOW, op: 'SCMP_CMP_LT' }),
      ...FAMILIES.map((value) => allow(['socket'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...PERSONALITIES.map((value) => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...(capabilities.includes('CAP_SYS_ADMIN') ? [] : cloneRules(architecture)),
    ],
  }
}

const allow = (names: readonly string[], ...args: readonly Argument[]): Rule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args.length > 0 && { args }),
})

/** clone may not make a new namespace; clone3's flags can't be inspected, so programs are sent back to clone. */
const cloneRules = (architecture: string): Rule[] => [
  allow(['clone'], {
    index: architecture === 's390x' ? 1 : 0,
    value: NAMESPACE_FLAGS,
    valueTwo: 0,
    op: 'SCMP_CMP_MASKED_EQ',
  }),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
]
