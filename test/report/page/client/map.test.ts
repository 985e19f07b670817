/** The image to scale: what is ahead of a file is painted as such, and the file apart from it. */
import { expect, test } from 'vitest'
import { collectCells } from '../../../../report/page/client/cells.ts'
import { unpackFiles } from '../../../../report/page/client/files.ts'
import { toColumns } from '../../../../report/page/model/files.ts'
import { renderReport } from '../../../../report/page/render.ts'
import type { PageData } from '../../../../report/page/shared/data.ts'
import { keepScreenshot } from '../../../../scripts/support/browser.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { useBrowser } from '../in-browser.ts'
import { fact } from '../model/fact.ts'

const show = useBrowser()

function cellsOf(ahead: number) {
  const split = { ...fact('a', 1000, 100), zone: 2 as const, ahead }
  const { columns, unlisted } = toColumns([split, { ...fact('b', 600), zone: 1 }], 1e6)
  const data: PageData = {
    arms: [],
    links: [],
    layers: [{ digest: 'x', size: 1000, zoneBytes: 400, tocBytes: 0 }],
    files: columns,
    unlisted,
    traced: true,
    readyMs: null,
  }
  return collectCells(data, unpackFiles(data), String).map(({ name, state, size, packed }) => [
    name,
    state,
    size,
    packed,
  ])
}

test('ranges ahead are a copy of a part, and the file is in its place', () => {
  expect(cellsOf(200)).toEqual([
    ['/a', 'ranges', 200, 100],
    ['/a', 'whole', 1000, 500],
    ['/b', 'zone', 600, 300],
    [expect.stringContaining('Headers'), 'rest', 100, 100],
  ])
  // Of an older measurement, which doesn't say how much is ahead.
  expect(cellsOf(0).slice(0, 2)).toEqual([
    ['/a', 'ranges', 1000, 500],
    ['/b', 'zone', 600, 300],
  ])
})

const report = renderReport(makeMaterial({ splitFrom: 100_000 }))

test.each(['light', 'dark'] as const)('the legend and the picture show both: %s', async (colorScheme) => {
  await using shown = await show(report, { viewport: { width: 1280, height: 900 }, colorScheme })
  const { page } = shown
  expect(await page.locator('#map-legend').textContent()).toMatch(
    /In the zone .*B.*Ranges in the zone .*B.*Prefetched only in ranges .*B/,
  )
  const areas = await page.evaluate(`(() => {
    const canvas = document.querySelector('#image-map canvas')
    const style = getComputedStyle(document.documentElement)
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const areaOf = (name) => {
      const [r, g, b] = [1, 3, 5].map((at) => parseInt(style.getPropertyValue('--' + name).trim().slice(at, at + 2), 16))
      let count = 0
      for (let at = 0; at < data.length; at += 4) if (data[at] === r && data[at + 1] === g && data[at + 2] === b) count++
      return count
    }
    return ['ranges', 'whole'].map(areaOf)
  })()`)
  const [ranges = 0, whole = 0] = Array.isArray(areas) ? areas.map(Number) : []
  expect(ranges).toBeGreaterThan(500)
  expect(whole / ranges).toBeGreaterThan(5)
  expect(whole / ranges).toBeLessThan(14)
  await page.locator('#map').scrollIntoViewIfNeeded()
  await keepScreenshot(page, `map-${colorScheme}`)
  expect(shown.complaints).toEqual([])
})
