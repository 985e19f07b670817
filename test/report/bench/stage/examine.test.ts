/** What the measurement file says about an image's files. */
import { randomFillSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import { openTarget } from '../../../../image/targets.ts'
import { rebuildImage } from '../../../../optimizer/rebuild/image.ts'
import { examineImage } from '../../../../report/bench/stage/examine.ts'
import { writeImage } from '../../../support/images.ts'
import { optimized, startFile } from '../../../support/optimized.ts'
import { dir, file } from '../../../support/tar.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hs-examine-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('headers that follow a small file are not counted as its compressed bytes', async () => {
  const folders = Array.from({ length: 500 }, (_, index) => dir(`folder-${Math.sqrt(index)}/`))
  const layers = [[file('small', 'x'.repeat(50)), ...folders, file('last', 'y')]]
  const plain = await writeImage(join(folder, 'plain'), { layers })
  const place = `oci:${join(folder, 'optimized')}:latest`
  await using target = await openTarget(place)
  await target.prepare({ force: false })
  await rebuildImage({ image: await (await openSource(plain)).image(), target, startup: [] })

  const { facts } = await examineImage(await (await openSource(place)).image(), { listFiles: true })

  const small = facts.files?.find(([path]) => path === 'small')
  expect(small?.slice(0, 3)).toEqual(['small', 0, 50])
  expect(small?.[3]).toBeGreaterThan(0)
  expect(small?.[3]).toBeLessThanOrEqual(50 + 64)
})

test('of a file with ranges ahead, how much is ahead is said; of one in the zone and of others nothing', async () => {
  const KIB = 1024
  const layers = [
    ['split', 'whole', 'other'].map((name) => file(name, randomFillSync(Buffer.alloc(300 * KIB)))),
  ]
  const plain = await writeImage(join(folder, 'parts'), { layers })
  const place = `oci:${join(folder, 'in-parts')}:latest`
  const part = { ...startFile('split'), ranges: [[100 * KIB, 110 * KIB] as const], size: 300 * KIB }
  await optimized(plain, place, {
    startup: [part, startFile('whole')],
    options: { split: 'always', prioritize: 'all' },
  })
  await using source = await openSource(place)
  const { facts } = await examineImage(await source.image(), { listFiles: true })
  const rows = Object.fromEntries((facts.files ?? []).map(([path, , , , ...zone]) => [path, zone]))
  expect(rows).toEqual({ split: [2, expect.any(Number)], whole: [1], other: [0] })
  const [, ahead] = rows.split ?? []
  expect(ahead).toBeGreaterThanOrEqual(10 * KIB)
  expect(ahead).toBeLessThan(150 * KIB)
})
