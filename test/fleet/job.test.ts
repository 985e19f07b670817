/** Jobs as plain data: what anybody could have written into the queue, and what is taken for one. */
import { expect, test } from 'vitest'
import { type Job, jobSchema, type Work } from '../../fleet/job.ts'

const job = (more: Partial<Work> = {}, rest: Partial<Job> = {}): Job => ({
  kind: 'rebuild',
  work: {
    source: 'registry.example:5000/team/web:1',
    digest: `sha256:${'a'.repeat(64)}`,
    target: 'registry.example:5000/team/web:1-esgz',
    workloads: [{ name: 'start', flags: [], command: [] }],
    optimizeFlags: [],
    minCoverage: 0.8,
    budget: {},
    ...more,
  },
  priority: 1,
  ...rest,
})
const workload = (name: string) => ({ workloads: [{ name, flags: [], command: [] }] })

test('names are those of images and profiles', () => {
  const fine = [
    job(),
    job({ source: 'docker.io/library/web:1', target: 'localhost/web:2' }),
    job({}, { profileFrom: `registry.example/web@sha256:${'b'.repeat(64)}` }),
  ]
  for (const each of fine) expect(jobSchema.safeParse(each)).toMatchObject({ success: true })
})

test.each([
  ['a path', job({ source: '/etc/passwd' })],
  ['a flag', job({ source: '--output=x/y:1' })],
  ['another kind of place', job({ target: 'oci:/tmp/x:1' })],
  ['an escape', job({ source: 'registry.example/a\u001b[31m:1' })],
  ['a line break', job({ target: 'registry.example/a:1\nb' })],
  ['no tag', job({ source: 'registry.example/web' })],
  ['no host', job({ source: 'web:1' })],
  ['a digest', job({ target: `registry.example/web@sha256:${'b'.repeat(64)}` })],
  ['a name that climbs', job(workload('../../x'))],
  ['a name with an escape', job(workload('a\u001b[31m'))],
  ['no place for profiles', job({}, { profileFrom: 'x --trace=/etc/shadow' })],
])('is no job: %s', (_, each) => {
  expect(jobSchema.safeParse(each).success).toBe(false)
})
