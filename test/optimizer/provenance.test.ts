/** The statement of what an image was made of: the same inputs give the same bytes. */
import { expect, test } from 'vitest'
import { type ProvenanceFacts, provenanceStatement } from '../../optimizer/provenance.ts'

const digest = (digit: string) => `sha256:${digit.repeat(64)}`
const facts: ProvenanceFacts = {
  subject: { name: 'registry.example/web', digest: digest('1') },
  source: { name: 'docker://registry.example/web@x', digest: digest('2') },
  profile: digest('3'),
  refined: undefined,
  options: { split: 'auto', maxZone: 5, threads: 3 },
  minRuns: 2,
  version: '1.2.3',
}

test('source, profile, options and version, and nothing else', () => {
  expect(JSON.parse(provenanceStatement(facts).toString())).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'registry.example/web', digest: { sha256: '1'.repeat(64) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'pkg:npm/headstart#optimize/v1',
        externalParameters: { options: { maxZone: 5, split: 'auto' }, minRuns: 2 },
        resolvedDependencies: [
          { name: 'source', uri: 'docker://registry.example/web@x', digest: { sha256: '2'.repeat(64) } },
          { name: 'profile', digest: { sha256: '3'.repeat(64) } },
        ],
      },
      runDetails: { builder: { id: 'pkg:npm/headstart', version: { headstart: '1.2.3' } } },
    },
  })
})

test('the order of options and the number of threads make no difference; what is unnamed stays so', () => {
  const other = provenanceStatement({ ...facts, options: { threads: 8, maxZone: 5, split: 'auto' } })
  expect(other).toEqual(provenanceStatement(facts))
  const bare = provenanceStatement({
    ...facts,
    subject: { name: undefined, digest: digest('1') },
    source: { name: undefined, digest: digest('2') },
    profile: undefined,
    refined: digest('4'),
  }).toString()
  expect(bare).not.toContain('uri')
  expect(bare).toContain(`{"name":"measurement","digest":{"sha256":"${'4'.repeat(64)}"}}`)
})
