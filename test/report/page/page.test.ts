/** The page in a real browser: drawn, usable by mouse, keyboard and screen reader, and deaf to what an image's names try. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderFleet } from '../../../report/page/fleet.ts'
import { renderReport } from '../../../report/page/render.ts'
import { keepScreenshot, launch, show } from '../browser.ts'
import { makeMaterial } from '../material.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

const material = makeMaterial()
const report = renderReport(material)

/** How many pixels of a canvas are not blank. */
const inked = async (page: Page, selector: string): Promise<number> =>
  Number(
    await page.evaluate(`(() => {
      const canvas = document.querySelector(${JSON.stringify(selector)})
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
      return pixels.filter((value, index) => index % 4 === 3 && value !== 0).length
    })()`),
  )

const CANVASES = ['#start-chart', '#bytes-chart', '#image-map canvas', '#waterfall canvas']

/** How much of the page jumped about while it was made, in the browser's own measure. */
const layoutShift = async (page: Page): Promise<number> =>
  Number(
    await page.evaluate(`new Promise((resolve) => {
      let sum = 0
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value })
        .observe({ type: 'layout-shift', buffered: true })
      setTimeout(() => resolve(sum), 100)
    })`),
  )

async function axe(page: Page): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(source)
  const found: unknown = await page.evaluate(
    'axe.run({ resultTypes: ["violations"] }).then((r) => r.violations.map((v) => v.impact + " " + v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join("; ")))',
  )
  return Array.isArray(found) ? found.map(String) : ['axe gave no answer']
}

describe.each([
  ['light', { viewport: { width: 1280, height: 900 } }],
  ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' as const }],
  ['narrow', { viewport: { width: 360, height: 740 } }],
])('on a %s screen', (name, options) => {
  test('everything is drawn, nothing overflows or complains, and axe finds nothing', async () => {
    await using shown = await show(browser, report, options)
    const { page } = shown
    for (const canvas of CANVASES) expect(await inked(page, canvas), canvas).toBeGreaterThan(500)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width)
    // Columns that a narrow screen has no room for must not keep theirs: paths get it.
    expect((await page.locator('#table tbody th').first().boundingBox())?.width).toBeGreaterThan(160)
    await keepScreenshot(page, `report-${name}`)
    expect(await layoutShift(page)).toBe(0)
    expect(await axe(page)).toEqual([])
    expect(shown.complaints).toEqual([])
  })
})

test('the answer comes first, in a sentence and three numbers', async () => {
  await using shown = await show(browser, report)
  expect(await shown.page.locator('h1').textContent()).toMatch(
    /^hello-flask:1 starts \d\.\d× faster when it is pulled lazily\.$/,
  )
  expect(await shown.page.locator('.tile dd').allTextContents()).toEqual([
    expect.stringMatching(/^2\.\d\d\ss$/),
    expect.stringMatching(/^13\.\d\sMB$/),
    'Convert it',
  ])
})

test('a page that says no says it first', async () => {
  const samples = material.bench.samples.map((sample) =>
    sample.arm === 'legacy' ? sample : { ...sample, phases: { ...sample.phases, ready: 30_000 } },
  )
  await using shown = await show(browser, renderReport({ bench: { ...material.bench, samples } }))
  expect(await shown.page.locator('h1').textContent()).toMatch(/^hello-flask:1 starts \d\.\d× slower/)
  expect(await shown.page.locator('.tile dd').last().textContent()).toBe('Don’t convert')
  expect(await shown.page.locator('.tile dt').last().textContent()).toMatch(
    /pulling the whole image is faster/,
  )
  const color = (selector: string) =>
    shown.page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).color`)
  expect(await color('h1 data')).toBe(await color('.dont dd'))
  expect(shown.complaints).toEqual([])
})

test('the sentence fits what was measured', () => {
  const { bench } = material
  const sentenceOf = (changes: Partial<typeof bench>) =>
    /<h1[^>]*>(.*?)<\/h1>/
      .exec(renderReport({ bench: { ...bench, ...changes } }))?.[1]
      ?.replace(/<[^>]*>/g, '')
  const scaled = (by: Record<string, number>) =>
    bench.samples.map((sample) => ({
      ...sample,
      phases: { ...sample.phases, ready: sample.phases.ready * (by[sample.arm] ?? 1) },
    }))
  expect(sentenceOf({ samples: bench.samples.filter(({ arm }) => arm !== 'legacy') })).toMatch(
    /starts 2\.\d× faster with a zone than without\.$/,
  )
  expect(sentenceOf({ samples: scaled({ optimized: 9 }) })).toMatch(
    /starts 2\.\d× faster when it is pulled lazily, without a zone\.$/,
  )
  expect(sentenceOf({ samples: bench.samples.filter(({ round }) => round === 0) })).toMatch(
    /seems to start \d\.\d× faster/,
  )
  const nearly = bench.samples.flatMap((sample) => {
    const { prefetch } = sample.phases
    const close = { ...sample, arm: 'optimized', phases: { ...sample.phases, prefetch: prefetch * 0.92 } }
    return sample.arm === 'legacy' ? [sample, close] : []
  })
  expect(sentenceOf({ samples: nearly })).toMatch(/starts 7\.\d\s% faster when it is pulled lazily\.$/)
})

test('numbers are in the reader’s locale', async () => {
  await using shown = await show(browser, report, { locale: 'de-DE' })
  expect(await shown.page.locator('h1').textContent()).toMatch(/\d,\d×/)
})

describe('what if', () => {
  const predictions = async (page: Page): Promise<Record<string, number>> =>
    Object.fromEntries(
      await page
        .locator('.prediction')
        .evaluateAll((all) =>
          all.map(
            (one) => [one.getAttribute('data-arm') ?? '', Number(one.getAttribute('data-ms'))] as const,
          ),
        ),
    )

  test('sliders move the prediction, and the measured marks show only where it was measured', async () => {
    await using shown = await show(browser, report)
    const { page } = shown
    const before = await predictions(page)
    expect(await page.locator('.mark').count()).toBe(3)
    await page.locator('#bandwidth').fill('20')
    const slower = await predictions(page)
    expect(slower.legacy).toBeGreaterThan(3 * (before.legacy ?? 0))
    expect(await page.locator('.mark').count()).toBe(0)
    await page.locator('#latency').focus()
    await page.keyboard.press('End')
    const farther = await predictions(page)
    expect(farther.lazy).toBeGreaterThan((slower.lazy ?? 0) + 90 * 150)
    await page.locator('#pulls').fill('10')
    expect((await predictions(page)).legacy).toBeGreaterThan(8 * (farther.legacy ?? 0))
    expect(await page.locator('#crossing p').textContent()).toMatch(/predicted/)
    await page.getByRole('button', { name: 'As measured' }).click()
    expect(await predictions(page)).toEqual(before)
    expect(shown.complaints).toEqual([])
  })

  test('says when the link was not shaped', async () => {
    const bench = { ...material.bench, link: { name: 'none', bitsPerSecond: null, roundTripMs: 0 } }
    await using shown = await show(browser, renderReport({ bench }))
    expect(await shown.page.locator('#what-if').textContent()).toMatch(/not shaped/)
    expect(await shown.page.locator('#bandwidth').count()).toBe(0)
  })
})

describe('the table', () => {
  test('searches, filters, sorts, and scrolls with only the rows in sight in the document', async () => {
    await using shown = await show(browser, report)
    const { page } = shown
    const count = page.locator('#table-count')
    const paths = () => page.locator('#table tbody th').allTextContents()
    expect(await count.textContent()).toMatch(/^6,000 of 6,000 files/)
    expect(await page.locator('#table tbody tr').count()).toBeLessThan(60)

    await page.locator('#search').fill('WERKZEUG/core_')
    const found = await paths()
    expect(found.length).toBeGreaterThan(3)
    expect(found.every((path) => path.includes('/werkzeug/core_'))).toBe(true)

    await page.locator('#search').fill('')
    await page.locator('#state').selectOption('never')
    await page.locator('#layer').selectOption('0')
    await page.getByRole('button', { name: 'Size' }).click()
    const sizes = await page.locator('#table tbody td:nth-child(3)').allTextContents()
    expect(sizes[0]).toMatch(/[GM]B/)
    await page.getByRole('button', { name: 'Size' }).click()
    expect(await page.locator('#table th[aria-sort]').getAttribute('aria-sort')).toBe('ascending')
    expect((await page.locator('#table tbody td:nth-child(3)').allTextContents())[0]).toMatch(/\sB$/)

    await page.locator('#table-scroll').evaluate((box) => box.scrollTo(0, box.scrollHeight))
    await expect
      .poll(async () => (await page.locator('#table tbody td:nth-child(3)').allTextContents()).at(-1))
      .toMatch(/MB/)
    expect(shown.complaints).toEqual([])
  })

  test('copies what it shows as CSV', async () => {
    await using shown = await show(browser, report, { permissions: ['clipboard-read', 'clipboard-write'] })
    const { page } = shown
    await page.locator('#search').fill('/app/')
    await page.locator('#state').selectOption('zone')
    await page.getByRole('button', { name: 'Copy as CSV' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const lines = String(await page.evaluate('navigator.clipboard.readText()'))
      .trim()
      .split(/\r?\n/)
    expect(lines[0]).toBe('path,layer,size,read,first_open_ms,first_read_ms,state')
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.slice(1).every((line) => line.startsWith('/app/') && line.endsWith(',zone'))).toBe(true)
  })
})

describe('map and waterfall', () => {
  test('name a file under the mouse and under the arrow keys', async () => {
    await using shown = await show(browser, report)
    const { page } = shown
    await page.locator('#image-map').hover({ position: { x: 300, y: 200 } })
    expect(await page.locator('#map-readout').textContent()).toMatch(/^\/.* compressed of .*layer \d/)
    await page.locator('#image-map').focus()
    await page.keyboard.press('ArrowRight')
    const first = await page.locator('#map-readout').textContent()
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('#map-readout').textContent()).not.toBe(first)

    await page.locator('#waterfall').focus()
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('#waterfall-readout').textContent()).toMatch(/^\/.* opened at \d+\sms/)
  })

  test('the waterfall zooms by drag and by key, and back', async () => {
    await using shown = await show(browser, report)
    const { page } = shown
    const box = page.locator('#waterfall')
    await box.scrollIntoViewIfNeeded()
    const picture = async () =>
      String(await page.evaluate(`document.querySelector('#waterfall canvas').toDataURL()`))
    const whole = await picture()
    const place = await box.boundingBox()
    await page.mouse.move((place?.x ?? 0) + 100, (place?.y ?? 0) + 100)
    await page.mouse.down()
    await page.mouse.move((place?.x ?? 0) + 300, (place?.y ?? 0) + 100)
    await page.mouse.up()
    const zoomed = await picture()
    expect(zoomed).not.toBe(whole)
    await box.press('+')
    expect(await picture()).not.toBe(zoomed)
    await box.press('0')
    await page.mouse.move(0, 0)
    expect(await picture()).toBe(whole)
    expect(shown.complaints).toEqual([])
  })
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
    await using shown = await show(browser, renderReport({ bench, trace }))
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
    await using shown = await show(browser, smuggled)
    expect(await shown.page.evaluate('window.hacked')).toBeUndefined()
    expect(shown.complaints.join()).toMatch(/Content Security Policy/)
  })
})

test('100,000 files fit in 1 MB, and are drawn', async () => {
  const large = renderReport(makeMaterial({ files: 100_000 }))
  expect(large.length).toBeLessThan(1_000_000)
  await using shown = await show(browser, large)
  expect(await inked(shown.page, '#image-map canvas')).toBeGreaterThan(10_000)
  expect(await shown.page.locator('#table-count').textContent()).toMatch(/files/)
  expect(shown.complaints).toEqual([])
})

test('a trace alone, a measurement alone, and half a measurement make a page too', async () => {
  await using traced = await show(browser, renderReport({ trace: material.trace }))
  expect(await traced.page.locator('h1').textContent()).toMatch(/^To start, hello-flask:1 reads/)
  expect(traced.complaints).toEqual([])
  await using measured = await show(browser, renderReport({ bench: material.bench }))
  expect(await measured.page.locator('#accesses').count()).toBe(0)
  expect(measured.complaints).toEqual([])
  const half = { ...material.bench, interrupted: true, samples: material.bench.samples.slice(0, 1) }
  await using interrupted = await show(browser, renderReport({ bench: half }))
  expect(await interrupted.page.locator('h1').textContent()).toMatch(/is ready after/)
  expect(interrupted.complaints).toEqual([])
  const empty = { ...material.bench, samples: [] }
  await using nothing = await show(browser, renderReport({ bench: empty }))
  expect(await nothing.page.locator('h1').textContent()).toMatch(/not measured/)
  expect(nothing.complaints).toEqual([])
})

test('a fleet of images: verdicts, links only to pages beside it, and sorting', async () => {
  const bad = { ...material.bench, samples: material.bench.samples.filter(({ arm }) => arm !== 'optimized') }
  const page = renderFleet([
    { href: 'reports/one.html', bench: material.bench },
    { href: 'javascript:window.hacked=1', bench: bad },
    { href: undefined, trace: material.trace },
  ])
  await using shown = await show(browser, page)
  expect(await shown.page.locator('h1').textContent()).toBe('1 of 3 images is worth converting.')
  expect(
    await shown.page.locator('a').evaluateAll((all) => all.map((one) => one.getAttribute('href'))),
  ).toEqual(['reports/one.html'])
  expect(await shown.page.locator('tbody .verdict').allTextContents()).toEqual([
    'Convert it',
    'No verdict',
    'Not measured',
  ])
  await shown.page.getByRole('button', { name: 'Faster' }).click()
  expect((await shown.page.locator('tbody .verdict').allTextContents()).at(-1)).toBe('Convert it')
  await keepScreenshot(shown.page, 'fleet')
  expect(await axe(shown.page)).toEqual([])
  expect(shown.complaints).toEqual([])
})

test('an audit shows what the zone brought for nothing, and what it lacked', async () => {
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
  await using shown = await show(browser, renderReport({ ...material, bench: { ...material.bench, audit } }))
  const text = await shown.page.locator('#audit').textContent()
  expect(text).toMatch(/10\.0\sMB, 1\.00\sMB \(10\s%\) were not read; 1 file outside it was, with 2 requests/)
  expect(text).toContain('/usr/lib/<b>big</b>.so')
  expect(await axe(shown.page)).toEqual([])
  expect(shown.complaints).toEqual([])
})

test('what is never read: packages from the trace, folders from the image, or from the trace alone', async () => {
  const unused = {
    packages: [{ manager: 'dpkg' as const, name: '<i>perl</i>', bytes: 42_000_000, files: 1800 }],
    folders: [{ path: 'usr/share/<b>doc', bytes: 9_000_000, files: 400 }],
  }
  const trace = { ...material.trace, unused }
  await using both = await show(browser, renderReport({ ...material, trace }))
  expect(await both.page.locator('#waste tbody tr').first().textContent()).toMatch(
    /^<i>perl<\/i> \(dpkg\).*42\.0\sMB/,
  )
  expect(await both.page.locator('#waste').textContent()).toContain('/usr/share/doc')
  expect(both.complaints).toEqual([])
  await using alone = await show(browser, renderReport({ trace }))
  expect(await alone.page.locator('#waste').textContent()).toContain('/usr/share/<b>doc')
  expect(alone.complaints).toEqual([])
})

test('prints dark on light, without what paper can’t do', async () => {
  await using shown = await show(browser, report, { colorScheme: 'dark' })
  await shown.page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  expect(await shown.page.locator('#search').isVisible()).toBe(false)
  expect(await shown.page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
    'rgb(255, 255, 255)',
  )
  const pdf = await shown.page.pdf({ format: 'A4' })
  expect(pdf.length).toBeGreaterThan(20_000)
})
