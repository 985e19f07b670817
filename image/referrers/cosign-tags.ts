/**
 * The tags under which cosign keeps what it knows of a manifest where nothing is listed as a referrer: made of its digest. Pure.
 *
 * Source: github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md, "Tag-based Discovery"; pkg/oci/remote, `SignatureTag` and its neighbours.
 */
import { HeadstartError } from '../../system/errors.ts'
import type { Digest } from '../types.ts'

/** Signatures, attestations, bills of materials. */
const KINDS = ['sig', 'att', 'sbom']

export const signatureTag = (subject: Digest): string => `${subject.replace(':', '-')}.sig`

export const cosignTags = (subject: Digest): string[] =>
  KINDS.map((kind) => `${subject.replace(':', '-')}.${kind}`)

export const isCosignTag = (tag: string): boolean => /^sha256-[0-9a-f]{64}\.(sig|att|sbom)$/.test(tag)

/** @param place the image that the tag is beside */
export const tagTaken = (place: string, tag: string): HeadstartError =>
  new HeadstartError(
    'E_TARGET_EXISTS',
    `the tag ${tag} beside ${place} already exists, and has something else`,
    {
      hint: 'Replace it with --force',
    },
  )
