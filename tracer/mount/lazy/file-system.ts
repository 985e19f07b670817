/**
 * eStargz layers as one file system without a local copy: names and attributes come from the tables of contents, content is fetched when
 * it is read.
 */

import type { FileSystem, NodeId } from '../file-system.ts'
import type { LazyContent } from './content.ts'
import { chunksBetween, type LazyNode, type LazyNodes } from './nodes.ts'

export function createLazyFileSystem(nodes: LazyNodes, content: Pick<LazyContent, 'read'>): FileSystem {
  function nodeOf(id: NodeId): LazyNode {
    const node = nodes[id]
    if (!node) throw new Error(`no node ${id}`)
    return node
  }

  return {
    totals: totalsOf(nodes),
    withoutXattrs: nodes.every((node) => namesIn(node).length === 0),
    withOldTimes: nodes.some((node) => node !== undefined && node.attributes.mtimeSeconds < 0),
    lookup: (parent, name) => nodeOf(parent).children.get(name)?.node,
    attributes: (id) => nodeOf(id).attributes,
    entries: (id) => [...nodeOf(id).children.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    readlink: (id) => nodeOf(id).entry?.linkName ?? '',
    xattr: (id, name) => (isShown(name) ? nodeOf(id).entry?.xattrs.get(name) : undefined),
    xattrs: (id) => namesIn(nodeOf(id)),
    digest: (id) => nodeOf(id).entry?.digest,
    open() {},
    async read(id, offset, length) {
      const { entry, layer, chunks: all } = nodeOf(id)
      const end = Math.min(offset + length, entry?.size ?? 0)
      const chunks = chunksBetween(all, offset, end)
      const [only, ...rest] = await content.read(layer, chunks)
      const base = chunks[0]?.fileOffset ?? 0
      if (only && rest.length === 0) return only.subarray(offset - base, end - base)
      return Buffer.concat(only ? [only, ...rest] : []).subarray(offset - base, Math.max(0, end - base))
    },
  }
}

/** overlayfs's own attributes in an image are not meant for the overlay over this mount. */
const isShown = (name: string): boolean => !name.startsWith('trusted.overlay.')

const namesIn = (node: LazyNode | undefined): string[] =>
  [...(node?.entry?.xattrs.keys() ?? [])].filter(isShown)

function totalsOf(nodes: LazyNodes) {
  let files = 0
  let bytes = 0
  for (const node of nodes) {
    if (node?.attributes.type !== 'reg') continue
    files++
    bytes += node.attributes.size
  }
  return { files, bytes }
}
