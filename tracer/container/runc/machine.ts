/** The facts about this machine that a container's configuration depends on. */
import { access, constants, lstat, readdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../../system/errors.ts'
import { exists } from '../../../system/files/exists.ts'

export interface HostDevice {
  readonly path: string
  readonly type: 'c' | 'b'
  readonly major: number
  readonly minor: number
  /** permission bits */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export interface Machine {
  /** Node's name for it */
  readonly architecture: string
  readonly cpus: number
  /** only cgroup version 2 is mounted: a single hierarchy */
  readonly unifiedCgroups: boolean
  /** the capability bounding set of this process */
  readonly capabilityBits: bigint
  /** for a privileged container's /dev; empty unless asked for */
  readonly devices: readonly HostDevice[]
}

/** @param devices whether to list them: there may be thousands */
export async function lookAtMachine({ devices }: { readonly devices: boolean }): Promise<Machine> {
  return {
    architecture: process.arch,
    cpus: availableParallelism(),
    unifiedCgroups: (await lookAtControlGroups()).version === 2,
    capabilityBits: await boundingSet(),
    devices: devices ? await devicesBelow('/dev') : [],
  }
}

const CGROUPS = '/sys/fs/cgroup'

export interface ControlGroups {
  /** 1 also where version 2 is mounted beside it; undefined: none are mounted */
  readonly version: 1 | 2 | undefined
  /** why no group can be made in them */
  readonly fault: string | undefined
}

export async function lookAtControlGroups(folder: string = CGROUPS): Promise<ControlGroups> {
  const isUnified = await exists(join(folder, 'cgroup.controllers'))
  // Version 1 has a folder for each controller, below one that may well be read-only.
  const group = isUnified ? folder : join(folder, 'memory')
  if (!(await exists(group)))
    return { version: undefined, fault: `no control groups are mounted at ${folder}` }
  const fault = await access(group, constants.W_OK).then(() => undefined, messageOf)
  return { version: isUnified ? 2 : 1, fault }
}

async function boundingSet(): Promise<bigint> {
  const status = await readFile('/proc/self/status', 'utf8')
  return BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? 0}`)
}

/** A container has these of its own. */
const OWN = new Set(['pts', 'shm', 'fd', 'mqueue', 'console'])

async function devicesBelow(folder: string): Promise<HostDevice[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (OWN.has(entry.name)) return []
      if (entry.isDirectory()) return devicesBelow(path)
      return entry.isCharacterDevice() || entry.isBlockDevice() ? deviceAt(path) : []
    }),
  )
  return found.flat()
}

async function deviceAt(path: string): Promise<HostDevice[]> {
  const stats = await lstat(path).catch(() => undefined) // they come and go
  if (!stats) return []
  const { mode, uid, gid, rdev } = stats
  const type = stats.isBlockDevice() ? 'b' : 'c'
  return [{ path, type, ...splitDevice(rdev), mode: mode & 0o7777, uid, gid }]
}

/** Linux's dev_t: minor 7-0, major 19-8 (its low 12 bits), minor 31-20 (its high bits); the rest of the major is not in use. */
const splitDevice = (rdev: number) => ({
  major: (rdev >>> 8) & 0xfff,
  minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
})
