/** Paths of nodes that were recorded, by the names under which they were looked up. */

import type { BytePath } from '../../system/text/byte-path.ts'
import { type FileSystem, type NodeId, ROOT_NODE } from './file-system.ts'

export interface Name {
  readonly parent: NodeId
  /** undefined: the name that the parent has for the node */
  readonly name: string | undefined
}

export type PathOf = (node: NodeId) => BytePath | undefined

/** Each folder's listing is gone through once, however many of its files were touched. */
export function pathsIn(
  inner: Pick<FileSystem, 'entries' | 'pathOf'>,
  names: ReadonlyMap<NodeId, Name>,
): PathOf {
  const listed = new Map<NodeId, ReadonlyMap<NodeId, string>>()
  const nameIn = (parent: NodeId, node: NodeId): string | undefined => {
    let listing = listed.get(parent)
    if (!listing) {
      listing = namesByNode(inner.entries(parent))
      listed.set(parent, listing)
    }
    return listing.get(node)
  }
  return (node) => {
    const parts: string[] = []
    for (let at = node; at !== ROOT_NODE; ) {
      const known = names.get(at)
      // A node that was never looked up was found in a listing.
      const name = known?.name ?? (known && nameIn(known.parent, at))
      if (!known || name === undefined) {
        const path = inner.pathOf?.(at)
        return path === undefined ? undefined : [path, ...parts].join('/')
      }
      parts.unshift(name)
      at = known.parent
    }
    return parts.join('/')
  }
}

/** Of several names of a node the first. */
function namesByNode(entries: ReturnType<FileSystem['entries']>): Map<NodeId, string> {
  const names = new Map<NodeId, string>()
  for (const { node, name } of entries) if (!names.has(node)) names.set(node, name)
  return names
}
