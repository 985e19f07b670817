/** Jobs that a fleet.yaml asks for, and all that could be put into a queue besides. */
import { expect, test } from 'vitest'
import { parseFleet, workOf } from '../../../fleet/config/fleet.ts'
import type { Job, Work } from '../../../fleet/job.ts'
import { faultOfOrigin } from '../../../fleet/perform/asked.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../image/media-types.ts'

const digest: Work['digest'] = `sha256:${'1'.repeat(64)}`
const fleet = parseFleet(
  `version: 1
registry: registry.example
images:
  - { repositories: [team/*], tags: [v*], ready: { log: up }, budget: { growth: 10% } }
  - { repositories: [inner], target: 'other.example/{repository}:{tag}', platforms: host }`,
  'fleet.yaml',
)

function jobOf(repository = 'team/web', mediaType = OCI_MANIFEST): Job {
  const image = { host: 'registry.example', repository, tag: 'v1' }
  const entry = fleet.entries.find((each) => each.has(image))
  if (!entry) throw new Error('one has it')
  return { kind: 'rebuild', work: workOf(entry, image, { digest, mediaType }), priority: 1 }
}

test.each([
  ['an image', jobOf()],
  ['an index', jobOf('team/web', OCI_INDEX)],
  ['of which one platform is rebuilt', jobOf('inner', OCI_INDEX)],
  ['recorded', { ...jobOf(), kind: 'record' as const }],
  [
    'with the profile of the build before',
    { ...jobOf(), profileFrom: `registry.example/team/web@${digest}` },
  ],
  ['with that of a product elsewhere', { ...jobOf('inner'), profileFrom: `other.example/inner@${digest}` }],
])('asked for: %s', (_, job) => {
  expect(faultOfOrigin(job, fleet)).toBeUndefined()
})

const withWork = (more: Partial<Work>): Job => ({ ...jobOf(), work: { ...jobOf().work, ...more } })

test.each([
  [
    'a repository',
    withWork({ source: 'registry.example/mine/web:v1' }),
    /does not ask for registry.example\/mine/,
  ],
  ['a registry', withWork({ source: 'evil.example/team/web:v1' }), /does not ask for evil\.example/],
  ['a tag', withWork({ source: 'registry.example/team/web:main' }), /does not ask for .*:main$/],
  ['a product', withWork({ source: 'registry.example/team/web:v1-esgz' }), /does not ask for .*-esgz$/],
  [
    'a target',
    withWork({ target: 'registry.example/team/web:v1' }),
    /^this worker's fleet\.yaml has registry\.example\/team\/web:v1 made into registry\.example\/team\/web:v1-esgz, not into registry\.example\/team\/web:v1$/,
  ],
  [
    'a start',
    withWork({ workloads: [{ name: 'start', flags: ['--ready-log=up'], command: ['sh', '-c', 'evil'] }] }),
    /has other settings for registry\.example\/team\/web:v1, of how it is started: /,
  ],
  ['a way to optimize it', withWork({ optimizeFlags: ['--format=zstd'] }), /, of how it is optimized: /],
  ['limits', withWork({ budget: {}, minCoverage: 0 }), /, of minCoverage and budget: /],
  [
    'a profile',
    { ...jobOf(), profileFrom: `evil.example/team/web@${digest}` },
    /has no profile taken from evil/,
  ],
  [
    'a longer name',
    { ...jobOf(), profileFrom: `registry.example/team/web2@${digest}` },
    /has no profile taken/,
  ],
])('not asked for: %s', (_, job, said) => {
  expect(faultOfOrigin(job, fleet)).toMatch(said)
})
