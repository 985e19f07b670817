/** Who waits until nothing is fetched on demand. */
import { expect, test } from 'vitest'
import { createDemand } from '../../../../tracer/mount/lazy/demand.ts'

test('it is idle once all that overlapped has ended, failed or not, and quiet from then on', async () => {
  let now = 1000
  const demand = createDemand(() => now)
  now = 1500
  expect(demand.quietMs()).toBe(500)
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const both = [demand.during(first.promise), demand.during(second.promise)]
  let isIdle = false
  const idle = demand.idle().then(() => {
    isIdle = true
  })
  expect(demand.quietMs()).toBe(0)
  first.reject(new Error('no network'))
  await both[0]
  expect(isIdle).toBe(false)
  now = 2000
  second.resolve()
  await Promise.all([...both, idle])
  now = 2300
  expect(demand.quietMs()).toBe(300)
})
