/** The page in a real browser: drawn, accessible, and safe from what names in an image attempt. */
import { describe, expect, test } from 'vitest'
import { renderReport } from '../../../report/page/render.ts'
import { keepScreenshot } from '../../../scripts/support/browser.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'
import { axe, inked, layoutShift, useBrowser } from './in-browser.ts'

const show = useBrowser()
const material = makeMaterial()
const report = renderReport(material)

const CANVASES = ['#start-chart', '#bytes-chart', '#image-map canvas', '#waterfall canvas']

describe.each([
  ['light', { viewport: { width: 1280, height: 900 } }],
  ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' as const }],
  ['narrow', { viewport: { width: 360, height: 740 } }],
])('on a %s screen', (name, options) => {
  test('everything is drawn, nothing overflows or complains, and axe finds nothing', async () => {
    await using shown = await show(report, options)
    const { page } = shown
    for (const canvas of CANVASES) expect(await inked(page, canvas), canvas).toBeGreaterThan(500)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width)
    // Columns that a narrow screen has no room for must not keep theirs: paths get it.
    expect((await page.locator('#table tbody th').first().boundingBox())?.width).toBeGreaterThan(160)
    // Before the screenshot of the whole page, which resizes the viewport and may itself shift the layout.
    expect(await layoutShift(page)).toBe(0)
    await keepScreenshot(page, `report-${name}`)
    expect(await axe(page)).toEqual([])
    expect(shown.complaints).toEqual([])
  })
})

test('numbers are in the reader’s locale', async () => {
  await using shown = await show(report, { locale: 'de-DE' })
  expect(await shown.page.locator('h1').textContent()).toMatch(/\d,\d×/)
})

describe('names that mean harm', () => {
  const names = [
    'app/<script>window.hacked = 1</script>',
    'app/<img src=x onerror="window.hacked = 1">.py',
    'app/"><svg onload=window.hacked=1>',
    "app/';window.hacked=1;//",
    'app/</script><script>window.hacked=1</script>',
    'app/=cmd|calc!A0',
    'app/gpj.\u202egnp.exe',
    'app/line\nbreak\ttab\u0007bell',
    'app/%FF%FE',
  ]

  test('stay names', async () => {
    const hostile = makeMaterial({ files: 300, names })
    const reference = '<script>window.hacked=1</script>'
    const bench = { ...hostile.bench, command: reference, readiness: `"'><b>${reference}` }
    const trace = { ...hostile.trace, run: { ...hostile.trace.run, command: [reference] } }
    await using shown = await show(renderReport({ bench, trace }))
    const { page } = shown
    await page.locator('#search').fill('/app/')
    for (const name of names.slice(0, 6))
      expect(await page.getByText(`/${name}`, { exact: true }).count(), name).toBe(1)
    expect(await page.getByText('/app/gpj.\\u202egnp.exe', { exact: true }).count()).toBe(1)
    expect(await page.getByText('/app/line\\nbreak\\ttab\\u0007bell', { exact: true }).count()).toBe(1)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(await page.locator('svg[onload], img').count()).toBe(0)
    expect(shown.complaints).toEqual([])
  })

  test('and a script that got in would not run', async () => {
    const smuggled = report.replace('</body>', '<script>window.hacked = 1</script></body>')
    await using shown = await show(smuggled)
    expect(await shown.page.evaluate('window.hacked')).toBeUndefined()
    expect(shown.complaints.join()).toMatch(/Content Security Policy/)
  })
})

test('100,000 files fit in 1 MB, and are drawn', async () => {
  const large = renderReport(makeMaterial({ files: 100_000 }))
  expect(large.length).toBeLessThan(1_000_000)
  await using shown = await show(large)
  expect(await inked(shown.page, '#image-map canvas')).toBeGreaterThan(10_000)
  expect(await shown.page.locator('#table-count').textContent()).toMatch(/files/)
  expect(shown.complaints).toEqual([])
})

test('a trace alone, a measurement alone, and half a measurement make a page too', async () => {
  await using traced = await show(renderReport({ trace: material.trace }))
  expect(await traced.page.locator('h1').textContent()).toMatch(/^To start, hello-flask:1 reads/)
  expect(traced.complaints).toEqual([])
  await using measured = await show(renderReport({ bench: material.bench }))
  expect(await measured.page.locator('#accesses').count()).toBe(0)
  expect(measured.complaints).toEqual([])
  const half = { ...material.bench, interrupted: true, samples: material.bench.samples.slice(0, 1) }
  await using interrupted = await show(renderReport({ bench: half }))
  expect(await interrupted.page.locator('h1').textContent()).toMatch(/is ready after/)
  expect(interrupted.complaints).toEqual([])
  const empty = { ...material.bench, samples: [] }
  await using nothing = await show(renderReport({ bench: empty }))
  expect(await nothing.page.locator('h1').textContent()).toMatch(/not been measured/)
  expect(nothing.complaints).toEqual([])
})

test('prints dark on light, without what paper can’t do', async () => {
  await using shown = await show(report, { colorScheme: 'dark' })
  await shown.page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  expect(await shown.page.locator('#search').isVisible()).toBe(false)
  expect(await shown.page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
    'rgb(255, 255, 255)',
  )
  const pdf = await shown.page.pdf({ format: 'A4' })
  expect(pdf.length).toBeGreaterThan(20_000)
})
