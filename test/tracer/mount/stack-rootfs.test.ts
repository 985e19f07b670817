/** The root that a container gets has the rights it has elsewhere, whatever the umask of who records it. */
import { expect, test } from 'vitest'
import { sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'

test.each(['000', '022', '077'])('umask %s', async (umask) => {
  await using box = await sandbox()
  const command = 'stat -c "%n %a" / /etc/hosts /etc/resolv.conf; cat /etc/hosts >/dev/null && echo up'
  const image = await busyboxImage(`${box.folder}/image`, { command })
  const { status, stderr } = await box.run(
    ['profile', image, '--engine', 'runc', '--user', '1000', '--ready-log', 'up', '-o', 'trace.json'],
    { under: ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh'] },
  )
  expect(stderr).toContain('/ 755\n/etc/hosts 644\n/etc/resolv.conf 644\nup\n')
  expect(status).toBe(0)
  expect(await box.leftovers()).toEqual([])
})
