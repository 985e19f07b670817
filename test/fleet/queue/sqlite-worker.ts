/** A process that works on a state file: prints each job that it begins, and does it, or never ends it. */
import { jobId } from '../../../fleet/job.ts'
import { openSqliteQueue } from '../../../fleet/queue/sqlite.ts'

const [file = '', how = 'done'] = process.argv.slice(2)
await using queue = await openSqliteQueue({ file, settings: { attempts: 3, backoffMs: 10 } })
const stop = new AbortController()
const work = queue.work({
  kinds: ['record', 'rebuild'],
  slots: 2,
  signal: stop.signal,
  perform: async (job) => {
    process.stdout.write(`${jobId(job)}\n`)
    if (how === 'hang') await new Promise((resolve) => setTimeout(resolve, 1 << 30))
    return { done: { profiles: [], tookMs: 1 } }
  },
})
if (how === 'done') await queue.idle(stop.signal)
else await work
stop.abort()
await work
