/** Paths of nodes, from lookups, listings, and what the file system itself knows. */
import { expect, test } from 'vitest'
import { type NodeId, ROOT_NODE } from '../../../tracer/mount/file-system.ts'
import { type Name, pathsIn } from '../../../tracer/mount/recorded-paths.ts'

const [USR, FIRST, SECOND, STRANGE] = [5, 6, 7, 8]
const names = new Map<NodeId, Name>([
  [USR, { parent: ROOT_NODE, name: 'usr' }],
  [FIRST, { parent: USR, name: undefined }],
  [SECOND, { parent: USR, name: undefined }],
  [STRANGE, { parent: 99, name: 'f' }],
])
const entry = (name: string, node: NodeId) => ({ name, node, type: 'reg' as const })
const listing = [entry('a', FIRST), entry('hard', FIRST), entry('b', SECOND)]

test('by the names that were looked up, else by the first in the listing', () => {
  const pathOf = pathsIn({ entries: (node) => (node === USR ? listing : []) }, names)
  expect([ROOT_NODE, USR, FIRST, SECOND].map(pathOf)).toEqual(['', 'usr', 'usr/a', 'usr/b'])
})

test('a folder is listed once for all its files', () => {
  const listed: NodeId[] = []
  const entries = (node: NodeId) => {
    listed.push(node)
    return listing
  }
  const pathOf = pathsIn({ entries }, names)
  for (const node of [FIRST, SECOND, FIRST]) pathOf(node)
  expect(listed).toEqual([USR])
})

test('a folder nobody looked up has the path that the file system knows, or none', () => {
  const known = pathsIn({ entries: () => [], pathOf: (node) => `lib${node}` }, names)
  expect([known(99), known(STRANGE), known(FIRST)]).toEqual(['lib99', 'lib99/f', 'lib6'])
  const unknown = pathsIn({ entries: () => [] }, names)
  expect([unknown(99), unknown(STRANGE), unknown(FIRST)]).toEqual([undefined, undefined, undefined])
})
