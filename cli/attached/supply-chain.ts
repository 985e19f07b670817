/** What comes with a new image besides its bytes: provenance, the metadata that signers read, and a word on signatures of the original. */
import { digestOf } from '../../image/digest.ts'
import { makeArtifact } from '../../image/referrers/artifact.ts'
import { attach } from '../../image/referrers/attach.ts'
import { signatureTag } from '../../image/referrers/cosign-tags.ts'
import type { Descriptor, ImageSource, ImageTarget } from '../../image/types.ts'
import { PROVENANCE_TYPE, provenanceStatement, STATEMENT_MEDIA_TYPE } from '../../optimizer/provenance.ts'
import { writeWhole } from '../../system/files/atomic-file.ts'
import { type Trace, traceText } from '../../tracer/trace/file.ts'
import type { CliContext } from '../context.ts'
import type { OptimizeRequest, StartRequest } from '../flags/optimize.ts'

/** A manifest or index, and what was made from it. */
export interface Made {
  readonly from: Descriptor
  readonly to: Descriptor
}

export interface Result {
  readonly source: ImageSource
  readonly target: ImageTarget
  /** under the target's name */
  readonly root: Made
  /** `root` among them */
  readonly made: readonly Made[]
}

/** Of an image in a registry, as people write it, without its tag; names of folders and engines are nobody else's. */
function repositoryOf(name: string): string | undefined {
  if (!name.startsWith('docker://')) return undefined
  return name
    .slice('docker://'.length)
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
}

/** Attaches a statement to everything that was made. @throws HeadstartError E_ARTIFACT, and what the target throws */
export async function attachProvenance(
  { source, target, made }: Result,
  trace: Trace | undefined,
  { options, minRuns, audit }: Pick<OptimizeRequest, 'options'> & Pick<StartRequest, 'minRuns' | 'audit'>,
  context: CliContext,
): Promise<void> {
  for (const { from, to } of made) {
    const name = repositoryOf(source.name)
    const bytes = provenanceStatement({
      subject: { name: repositoryOf(target.name), digest: to.digest },
      source: {
        name: name === undefined ? undefined : `docker://${name}@${from.digest}`,
        digest: from.digest,
      },
      profile: trace && digestOf(traceText(trace)),
      refined: audit && digestOf(JSON.stringify(audit)),
      options,
      minRuns,
      version: context.version,
    })
    const artifact = makeArtifact({
      artifactType: STATEMENT_MEDIA_TYPE,
      subject: to,
      content: {
        mediaType: STATEMENT_MEDIA_TYPE,
        bytes,
        annotations: { 'in-toto.io/predicate-type': PROVENANCE_TYPE },
      },
      annotations: { 'in-toto.io/predicate-type': PROVENANCE_TYPE },
    })
    await attach(target, artifact, context.interrupts.abort)
  }
}

/** In buildx's form: what its `--metadata-file` is given to is used to, as `cosign sign` in a pipeline. */
export async function writeMetadata(file: string, { target, root }: Result): Promise<void> {
  const { mediaType, digest, size } = root.to
  const metadata = {
    'containerimage.descriptor': { mediaType, digest, size },
    'containerimage.digest': digest,
    'image.name': target.name.replace(/^docker:\/\//, ''),
  }
  await writeWhole(file, `${JSON.stringify(metadata, undefined, 2)}\n`)
}

const SIGNATURES = [
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.dev.cosign.simplesigning.v1+json',
  'application/vnd.cncf.notary.signature',
]
const isSignature = (type: string): boolean =>
  SIGNATURES.includes(type) || type.startsWith('application/vnd.dev.sigstore.bundle.')

/** @returns a line where anything that was rebuilt is signed. What can't be asked for is not said. */
export async function signatureLine(
  { source, target, root, made }: Result,
  signal: AbortSignal,
): Promise<string[]> {
  for (const { from } of made) {
    const found = (await source.referrers?.(from.digest, signal).catch(() => [])) ?? []
    const isSigned =
      found.some(({ artifactType = '' }) => isSignature(artifactType)) ||
      (await source.tagged?.(signatureTag(from.digest), signal).catch(() => undefined)) !== undefined
    if (isSigned)
      return [
        `the original, ${from.digest}, is signed; its signature does not carry over: sign ${target.name}@${root.to.digest}`,
      ]
  }
  return []
}
