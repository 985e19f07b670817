/** What becomes of a layer, case by case. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../../image/digest.ts'
import { entriesOfChains } from '../../../image/estargz/format/ahead.ts'
import { contentsOf } from '../../../image/estargz/format/entries.ts'
import type { TocEntry } from '../../../image/estargz/format/toc.ts'
import { MemberCache } from '../../../optimizer/compress/cache.ts'
import { chooseAction } from '../../../optimizer/rebuild/choose-action.ts'
import type { EstargzRead, KeptRead, SpooledRead } from '../../../optimizer/rebuild/read-layer.ts'
import { type OpenLayerFiles, openLayerFiles } from '../../../optimizer/spool/layer-files.ts'
import { type TestFolder, testFolder } from '../support.ts'

let folder: TestFolder
let files: OpenLayerFiles

beforeAll(async () => {
  folder = await testFolder()
  files = await openLayerFiles(folder.path, '0')
})

afterAll(async () => {
  await files[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const toc = (names: readonly string[]): TocEntry[] => names.map((name) => ({ name, type: 'reg', size: 0 }))

const estargz = (names: readonly string[], flaw?: string): EstargzRead => {
  const contents = contentsOf(toc(names), 1000)
  const layer = {
    ...contents,
    codec: 'gzip' as const,
    tocPlace: 'in-tar' as const,
    size: 2000,
    tocOffset: 1000,
    tocDigest: 'sha256:toc' as const,
    tocBytes: 1000,
    toc: toc(names),
  }
  return { kind: 'estargz', layer, entries: contents.entries, flaw }
}

const kept: KeptRead = { kind: 'kept', why: 'it is not among the layers to work on', entries: [] }
const spooled = (flaw?: string): SpooledRead => {
  const layer = { entries: [], own: [], notes: [], cache: new MemberCache(), spool: '', members: '' }
  return { kind: 'spooled', layer, entries: [], files, flaw }
}

describe('a layer', () => {
  test('that may not change is kept, whatever is planned', () => {
    expect(chooseAction(kept, { zone: ['a'], afterZone: [], hot: new Map() })).toMatchObject({
      kind: 'keep',
      why: kept.why,
    })
  })

  test('that is not eStargz is converted', () => {
    const action = chooseAction(spooled(), { zone: [], afterZone: [], hot: new Map() })
    expect(action).toMatchObject({ kind: 'convert', why: 'it is not an eStargz layer' })
  })

  test('that was eStargz in another format is converted, and the reason is passed on', () => {
    const action = chooseAction(spooled('its small files are packed together'), {
      zone: [],
      afterZone: [],
      hot: new Map(),
    })
    expect(action).toMatchObject({ kind: 'convert', why: 'its small files are packed together' })
  })
})

const [PREFETCH, NO_PREFETCH] = ['.prefetch.landmark', '.no.prefetch.landmark']
const OTHER = 'its prioritized zone is not the planned one'
const SAME = 'its prioritized zone is the planned one'

test.each([
  ['the planned zone', ['a', 'b', PREFETCH, 'c'], ['a', 'b'], 'reuse', SAME],
  ['the planned zone in another order', ['b', 'a', PREFETCH, 'c'], ['a', 'b'], 'reuse', SAME],
  ['no zone, as planned', [NO_PREFETCH, 'a'], [], 'reuse', SAME],
  ['a planned file that the layer does not have', ['a', PREFETCH, 'b'], ['a', 'gone'], 'reuse', SAME],
  ['a smaller zone', ['a', PREFETCH, 'b'], ['a', 'b'], 'reorder', OTHER],
  ['a larger zone', ['a', 'b', PREFETCH, 'c'], ['a'], 'reorder', OTHER],
  ['another zone of the same size', ['a', PREFETCH, 'b'], ['b'], 'reorder', OTHER],
  ['a zone where none is planned', ['a', PREFETCH], [], 'reorder', OTHER],
  ['no landmark at all', ['a', 'b'], [], 'reorder', OTHER],
])('an eStargz layer with %s', (_, names, zone, kind, why) => {
  expect(chooseAction(estargz(names), { zone, afterZone: [], hot: new Map() })).toMatchObject({ kind, why })
})

test('an eStargz layer that turned out to be damaged is converted, even with the planned zone', () => {
  const action = chooseAction(estargz(['a', PREFETCH], 'it is damaged: …'), {
    zone: ['a'],
    afterZone: [],
    hot: new Map(),
  })
  expect(action).toMatchObject({ kind: 'convert', why: 'it is damaged: …' })
})

test('files put first after the landmark do not change the zone', () => {
  const action = chooseAction(estargz(['a', PREFETCH, 'b', 'c']), {
    zone: ['a'],
    afterZone: ['c'],
    hot: new Map(),
  })
  expect(action.kind).toBe('reuse')
})

/** Ten thousand bytes, of which the first four thousand stand ahead. */
const split = (): EstargzRead => {
  const digest = digestOf('f')
  const toc: TocEntry[] = [
    ...entriesOfChains([
      { offset: 16, copies: [{ name: 'f', fileOffset: 0, size: 4000, digest, innerOffset: 1 }] },
    ]),
    { name: PREFETCH, type: 'reg', size: 1, offset: 300 },
    { name: 'f', type: 'reg', size: 10_000, offset: 500, chunkSize: 4000, chunkDigest: digest },
    { name: 'f', type: 'chunk', offset: 540, chunkOffset: 4000 },
  ]
  const whole = estargz([])
  const contents = contentsOf(toc, 1000)
  return { ...whole, layer: { ...whole.layer, ...contents, toc }, entries: contents.entries }
}

test.each<[string, [number, number][], string]>([
  ['the planned ranges', [[0, 4000]], 'reuse'],
  ['a little more', [[0, 3800]], 'reuse'],
  ['much more', [[0, 2000]], 'reorder'],
  ['less', [[0, 5000]], 'reorder'],
  ['others', [[5000, 9000]], 'reorder'],
  ['ranges where none are planned', [], 'reorder'],
])('an eStargz layer with %s ahead', (_, ranges, kind) => {
  const hot = new Map(ranges.length > 0 ? [['f', ranges] as const] : [])
  expect(chooseAction(split(), { zone: [], afterZone: [], hot }).kind).toBe(kind)
})
