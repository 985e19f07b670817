/**
 * Content of eStargz layers, fetched when it is asked for: by range, neighbours in one request, each member once at a time, and each
 * chunk checked before anybody sees it.
 */
import type { Chunk, EstargzLayer, RangeFetch } from '../../image/estargz/read/reader.ts'
import type { ContentCache } from './lazy-cache.ts'
import { decodeMember, type Member, membersOf, mergeRuns, type Run } from './lazy-members.ts'

export interface LazyLayer {
  readonly estargz: EstargzLayer
  readonly fetch: RangeFetch
}

export interface LazyContent {
  /** Contents of chunks of one layer. */
  read(layer: number, chunks: readonly Chunk[]): Promise<Buffer[]>
  /** Fetches what lies before each layer's landmark, all layers at once, and keeps it. */
  prefetch(fetches: readonly RangeFetch[]): Promise<void>
}

/** More than any zone that is worth waiting for; memory is taken for a run. */
const MAX_RUN_BYTES = 256 << 20

export function createLazyContent(layers: readonly LazyLayer[], cache: ContentCache): LazyContent {
  const members = layers.map(({ estargz }) => membersOf(estargz.entries))
  const inFlight = new Map<string, Promise<Buffer>>()

  /** Fetches a run; whoever wants one of its members meanwhile waits for it here. */
  function fetchRun(layer: number, run: Run, fetch: RangeFetch): Promise<Buffer>[] {
    const bytes = fetch({ start: run.start, end: run.end })
    return run.members.map((member) => {
      const key = keyOf(layer, member.offset)
      const content = bytes
        .then((all) => decodeMember(all.subarray(member.offset - run.start, member.end - run.start), member))
        .then((decoded) => {
          cache.put(key, decoded)
          return decoded
        })
        .finally(() => inFlight.delete(key))
      inFlight.set(key, content)
      content.catch(() => {}) // whoever asked for it is told
      return content
    })
  }

  /** @param offsets of members, ascending */
  function contentsOf(layer: number, offsets: readonly number[]): Map<number, Promise<Buffer>> {
    const found = new Map<number, Promise<Buffer>>()
    const missing: Member[] = []
    for (const offset of offsets) {
      const key = keyOf(layer, offset)
      const content = inFlight.get(key) ?? cache.get(key)
      const member = members[layer]?.get(offset)
      if (content) found.set(offset, content)
      else if (member) missing.push(member)
    }
    const fetch = layers[layer]?.fetch
    for (const run of fetch ? mergeRuns(missing, MAX_RUN_BYTES) : []) {
      const contents = fetch ? fetchRun(layer, run, fetch) : []
      run.members.forEach((member, index) => {
        const content = contents[index]
        if (content) found.set(member.offset, content)
      })
    }
    return found
  }

  return {
    read(layer, chunks) {
      const offsets = [...new Set(chunks.map((chunk) => chunk.offset))].sort((a, b) => a - b)
      const contents = contentsOf(layer, offsets)
      return Promise.all(
        chunks.map(async ({ offset, innerOffset, size }) => {
          const content = await contents.get(offset)
          if (!content) throw new Error(`no chunk at ${offset}`)
          return content.subarray(innerOffset, innerOffset + size)
        }),
      )
    },
    async prefetch(fetches) {
      await Promise.all(
        layers.map(async ({ estargz }, layer) => {
          const fetch = fetches[layer]
          const zone = [...(members[layer]?.values() ?? [])].filter(({ end }) => end <= estargz.zoneEnd)
          for (const run of fetch ? mergeRuns(zone, MAX_RUN_BYTES) : [])
            if (fetch) await Promise.all(fetchRun(layer, run, fetch))
        }),
      )
    },
  }
}

const keyOf = (layer: number, offset: number): string => `${layer}:${offset}`
