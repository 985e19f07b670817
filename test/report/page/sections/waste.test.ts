/** What the start never read. */
import { expect, test } from 'vitest'
import { renderReport } from '../../../../report/page/render.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'
import { useBrowser } from '../in-browser.ts'

const show = useBrowser()
const material = makeMaterial()

test('what is never read: packages from the trace, folders from the image, or from the trace alone', async () => {
  const unused = {
    packages: [{ manager: 'dpkg' as const, name: '<i>perl</i>', bytes: 42_000_000, files: 1800 }],
    folders: [{ path: 'usr/share/<b>doc', bytes: 9_000_000, files: 400 }],
  }
  const trace = { ...material.trace, unused }
  await using both = await show(renderReport({ ...material, trace }))
  expect(await both.page.locator('#waste tbody tr').first().textContent()).toMatch(
    /^<i>perl<\/i> \(dpkg\).*42\.0\sMB/,
  )
  expect(await both.page.locator('#waste').textContent()).toContain('/usr/share/doc')
  expect(both.complaints).toEqual([])
  await using alone = await show(renderReport({ trace }))
  expect(await alone.page.locator('#waste').textContent()).toContain('/usr/share/<b>doc')
  expect(alone.complaints).toEqual([])
})
