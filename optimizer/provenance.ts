/**
 * What an image was made from and how, as an in-toto statement with a SLSA provenance: source, profile, options, version. Pure: the same
 * inputs give the same bytes, and it contains no time, path or machine name.
 *
 * Source: in-toto attestation framework v1, "Statement"; SLSA v1, "Provenance".
 */
import type { OptimizeOptions } from './options.ts'

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'
export const STATEMENT_MEDIA_TYPE = 'application/vnd.in-toto+json'
const BUILDER = 'pkg:npm/headstart'

export interface ProvenanceFacts {
  /** the new image: what it is called, without a tag, where it has a name; and its digest */
  readonly subject: NamedDigest
  readonly source: NamedDigest
  /** digest of the trace; undefined: without one */
  readonly profile: string | undefined
  /** digest of the measurement that corrected it */
  readonly refined: string | undefined
  readonly options: Partial<OptimizeOptions>
  /** ignored were files that fewer runs touched */
  readonly minRuns: number
  readonly version: string
}

interface NamedDigest {
  readonly name: string | undefined
  readonly digest: string
}

export function provenanceStatement(facts: ProvenanceFacts): Buffer {
  const { subject, source, profile, refined, minRuns, version } = facts
  // The result doesn't depend on the number of threads.
  const { threads: _, ...options } = facts.options
  const materials = [
    { name: 'source', ...(source.name !== undefined && { uri: source.name }), digest: sha256(source.digest) },
    ...(profile === undefined ? [] : [{ name: 'profile', digest: sha256(profile) }]),
    ...(refined === undefined ? [] : [{ name: 'measurement', digest: sha256(refined) }]),
  ]
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: subject.name ?? 'image', digest: sha256(subject.digest) }],
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: `${BUILDER}#optimize/v1`,
        externalParameters: { options: sorted(options), minRuns },
        resolvedDependencies: materials,
      },
      runDetails: { builder: { id: BUILDER, version: { headstart: version } } },
    },
  }
  return Buffer.from(JSON.stringify(statement))
}

const sha256 = (digest: string) => ({ sha256: digest.replace(/^sha256:/, '') })

/** In whatever order the options were put together. */
const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
