/** What an audit found. */
import { expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { axe, useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()

test('an audit shows what of the zone was not read, and what it lacked', async () => {
  const audit = {
    zoneBytes: 10_000_000,
    unusedBytes: 1_000_000,
    unused: [['usr/lib/<b>big</b>.so', 1_000_000] satisfies [string, number]],
    onDemand: [
      {
        path: 'app/late.py',
        size: 9000,
        ranges: [[0, 9000] satisfies [number, number]],
        bytes: 4000,
        requests: 2,
      },
    ],
  }
  await using shown = await show(renderReport({ ...material, bench: { ...material.bench, audit } }))
  const text = await shown.page.locator('#audit').textContent()
  expect(text).toMatch(
    /10\.0\sMB, 1\.00\sMB \(10\s%\) were not read; 1 file outside it was fetched on demand, with 2 requests/,
  )
  expect(text).toContain('/usr/lib/<b>big</b>.so')
  expect(await axe(shown.page)).toEqual([])
  expect(shown.complaints).toEqual([])
})
