/** A worker of its own process, to be killed: it takes a job, says so, and never ends it. */
import { openRedisQueue } from '../../../../fleet/queue/bullmq.ts'

const [url = '', prefix = '', lockMs = ''] = process.argv.slice(2)
const queue = await openRedisQueue({ url, prefix, lockMs: Number(lockMs) })
await queue.work({
  kinds: ['record', 'rebuild'],
  slots: 1,
  signal: new AbortController().signal,
  perform: () => {
    process.stdout.write('begun\n')
    return new Promise(() => {})
  },
})
