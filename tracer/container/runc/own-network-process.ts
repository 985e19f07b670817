/** The process inside a container's network namespace: brings up loopback and opens connections for its parent. It ends with its parent. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { z } from 'zod'

const ATTEMPT_MS = 5000
/** IFF_UP of netdevice(7) */
const UP = '0x1'

const requestSchema = z.strictObject({ id: z.number(), port: z.number() })

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  const { id, port } = requestSchema.parse(message)
  const socket = connect({ host: '127.0.0.1', port, timeout: ATTEMPT_MS })
  const fail = (error: string) => {
    socket.destroy()
    process.send?.({ id, error })
  }
  socket.once('connect', () => {
    socket.removeAllListeners()
    socket.setTimeout(0)
    process.send?.({ id }, socket)
  })
  socket.once('error', ({ message }) => fail(message))
  socket.once('timeout', () => fail('no answer'))
})

const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })

// sysfs shows the network namespace of the process that mounted it; only this process sees this mount. A namespace has one sysfs, whose
// options the first mount decides: the container, which gets it read-only, must be the first again.
run('mount', ['-t', 'sysfs', 'headstart', '/sys'])
writeFileSync('/sys/class/net/lo/flags', UP)
run('umount', ['/sys'])
process.send?.({ ready: true })
