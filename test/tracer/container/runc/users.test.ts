/** Users and groups, by names and numbers, as an image has them. */
import { expect, test } from 'vitest'
import { resolveUser } from '../../../../tracer/container/runc/users.ts'

const passwd = 'root:x:0:0:root:/root:/bin/sh\n# no\nweb:x:1000:1000::/srv:/bin/sh\n'
const group = 'root:x:0:\nweb:x:1000:\nextra:x:1001:other,web\nstaff:x:50:\n'

test.each([
  ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['web', { uid: 1000, gid: 1000, additionalGids: [1000, 1001], home: '/srv' }],
  ['1000', { uid: 1000, gid: 1000, additionalGids: [1000, 1001], home: '/srv' }],
  ['web:staff', { uid: 1000, gid: 50, additionalGids: [50], home: '/srv' }],
  ['1234:5678', { uid: 1234, gid: 5678, additionalGids: [5678], home: '/' }],
])('user %j', (user, identity) => {
  expect(resolveUser(user, { passwd, group })).toEqual(identity)
})

test.each(['nobody-here', 'web:nobody-here'])('user %j is not in the image', (user) => {
  expect(() => resolveUser(user, { passwd, group })).toThrow(expect.objectContaining({ code: 'E_USER' }))
})
