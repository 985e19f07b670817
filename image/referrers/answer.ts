/** How a registry answers what is attached to a manifest. Pure. Source: OCI distribution-spec v1.1, "Listing Referrers". */
import { OCI_INDEX } from '../media-types.ts'
import type { ReferrerManifest } from '../types.ts'

interface ListAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** @returns undefined: the path is not one of a list */
export type ReferrerLists = (path: string, query: URLSearchParams) => ListAnswer | undefined

/** @param names of repositories, which have a list for every digest, if an empty one */
export function referrerLists(
  names: readonly string[],
  attached: Readonly<Record<string, readonly ReferrerManifest[]>>,
): ReferrerLists {
  return (path, query) => {
    const [, name = '', digest] = /^\/v2\/(.+)\/referrers\/(sha256:[0-9a-f]{64})$/.exec(path) ?? []
    if (!names.includes(name)) return undefined
    const type = query.get('artifactType')
    const manifests = (attached[name] ?? [])
      .filter(({ subject, referrer }) => subject === digest && (!type || referrer.artifactType === type))
      .map(({ referrer }) => referrer)
    return {
      headers: { 'content-type': OCI_INDEX, ...(type && { 'oci-filters-applied': 'artifactType' }) },
      body: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
    }
  }
}
