/** The kernel's table of mounts, read; and a mount that is taken down. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { isMountPoint, mountHolding, mountsBelow, mountsOfType, unmount } from '../../system/mounts.ts'
import { runCommand } from '../../system/process/command.ts'
import { tempFolder } from '../support/temp.ts'

const TABLE = `22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:40 / /work rw - tmpfs none rw
31 30 0:41 / /work/with\\040space rw - fuse.headstart headstart ro,user_id=0,group_id=0
32 22 0:42 / /workshop rw - fuse.headstart headstart ro,user_id=1000,group_id=0
`

test('those at or below a folder, the deepest first, with their names as they are', () => {
  expect(mountsBelow(TABLE, '/work')).toEqual(['/work/with space', '/work'])
  expect(mountsBelow(TABLE, '/nowhere')).toEqual([])
})

test('the one that a path lies in', () => {
  expect(mountHolding(TABLE, '/work/with space/file')).toBe('/work/with space')
  expect(mountHolding(TABLE, '/work/with')).toBe('/work')
  expect(mountHolding(TABLE, '/workshop')).toBe('/workshop')
  expect(mountHolding(TABLE, '/works')).toBe('/')
})

test('those of a type and with an option', () => {
  expect(mountsOfType(TABLE, 'fuse.headstart', 'user_id=0')).toEqual(['/work/with space'])
  expect(mountsOfType(TABLE, 'fuse.headstart', 'user_id=1000')).toEqual(['/workshop'])
})

test('an umount that a signal ends is done again', async () => {
  await using temp = await tempFolder()
  const [programs, point] = [await temp.sub('programs'), await temp.sub('point')]
  const script = '#!/bin/sh\n[ "$1" = -l ] || kill -INT $$\nexec /usr/bin/umount "$@"\n'
  await writeFile(join(programs, 'umount'), script, { mode: 0o755 })
  await runCommand('mount', ['-t', 'tmpfs', 'none', point])
  vi.stubEnv('PATH', `${programs}:${process.env.PATH}`)
  await unmount(point)
  vi.unstubAllEnvs()
  expect(await isMountPoint(point)).toBe(false)
})
