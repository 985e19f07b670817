/** What the measurement file says about an image's files. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource } from '../../../../image/sources.ts'
import { openTarget } from '../../../../image/targets.ts'
import { rebuildImage } from '../../../../optimizer/rebuild/image.ts'
import { examineImage } from '../../../../report/bench/stage/examine.ts'
import { writeImage } from '../../../support/images.ts'
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
  const optimized = `oci:${join(folder, 'optimized')}:latest`
  await using target = await openTarget(optimized)
  await target.prepare({ force: false })
  await rebuildImage({ image: await (await openSource(plain)).image(), target, startup: [] })

  const { facts } = await examineImage(await (await openSource(optimized)).image(), { listFiles: true })

  const small = facts.files?.find(([path]) => path === 'small')
  expect(small?.slice(0, 3)).toEqual(['small', 0, 50])
  expect(small?.[3]).toBeGreaterThan(0)
  expect(small?.[3]).toBeLessThanOrEqual(50 + 64)
})
