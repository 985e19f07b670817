/** The kernel's table of mounts, read. */
import { expect, test } from 'vitest'
import { mountsBelow, mountsOfType } from '../../system/mounts.ts'

const TABLE = `22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:40 / /work rw - tmpfs none rw
31 30 0:41 / /work/with\\040space rw - fuse.headstart headstart ro,user_id=0,group_id=0
32 22 0:42 / /workshop rw - fuse.headstart headstart ro,user_id=1000,group_id=0
`

test('those at or below a folder, the deepest first, with their names as they are', () => {
  expect(mountsBelow(TABLE, '/work')).toEqual(['/work/with space', '/work'])
  expect(mountsBelow(TABLE, '/nowhere')).toEqual([])
})

test('those of a type and with an option', () => {
  expect(mountsOfType(TABLE, 'fuse.headstart', 'user_id=0')).toEqual(['/work/with space'])
  expect(mountsOfType(TABLE, 'fuse.headstart', 'user_id=1000')).toEqual(['/workshop'])
})
