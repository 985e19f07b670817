/** The live page of a fleet in a browser, served as its server does: figures, order, filters, details, and what comes from images. */
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { renderLive } from '../../../report/page/live.ts'
import type { LiveFleet, LiveJob, LiveRow } from '../../../report/page/shared/live.ts'
import { launch, type Shown, visit } from '../../../scripts/support/browser.ts'
import { type Serving, serve } from '../../../scripts/support/serve.ts'
import { axe } from './in-browser.ts'

let browser: Browser
let serving: Serving
let fleet: LiveFleet | string
let job: LiveJob
beforeAll(async () => {
  browser = await launch()
  serving = await serve(
    createServer((request, response) => {
      const isPage = request.url === '/'
      const isJob = request.url?.startsWith('/api/jobs/')
      if (isPage) response.setHeader('Content-Type', 'text/html; charset=utf-8').end(renderLive())
      else if (isJob) response.end(JSON.stringify(job))
      else if (request.url !== '/api/fleet') response.writeHead(404).end()
      else if (typeof fleet === 'string') response.writeHead(503).end(fleet)
      else response.end(JSON.stringify(fleet))
    }),
  )
})
afterAll(async () => {
  await browser.close()
  await serving[Symbol.asyncDispose]()
})
beforeEach(() => {
  job = { log: [], commands: ['headstart optimize web:1'] }
})

const DAY = 24 * 3600_000

function rowOf(at: number, more: Partial<LiveRow> = {}): LiveRow {
  const team = ['shop', 'billing', 'search', 'identity-and-access', 'web'][at % 5]
  const source = `registry.example/${team}/service-${at}:v${1 + (at % 9)}.${at % 7}.0`
  const fullBytes = 60e6 + ((at * 7919) % 900) * 1e6
  return {
    source,
    target: `${source}-esgz`,
    state: 'done',
    kind: 'rebuild',
    job: `rebuild-${at}`,
    attempts: 1,
    at: Date.now() - at * 977_000,
    result: {
      bytes: { before: fullBytes, after: fullBytes * 1.05 },
      start: {
        bytes: fullBytes * (0.08 + (at % 13) / 50),
        fullBytes,
        ms: 900 + ((at * 131) % 4000),
        fullMs: fullBytes / 12_000,
      },
      profiles: [{ name: 'default', recordedAt: new Date(Date.now() - (at % 90) * DAY).toISOString() }],
      coverage: 0.8 + (at % 20) / 100,
    },
    ...more,
  }
}

const counts = { waiting: 0, running: 0, done: 0, failed: 0 }
const fleetOf = (rows: readonly LiveRow[], more: Partial<LiveFleet> = {}): LiveFleet => ({
  counts: { record: counts, rebuild: counts },
  rows,
  polledAt: Date.now() - 125_000,
  ...more,
})

const open = (options: BrowserContextOptions = {}): Promise<Shown> =>
  visit(browser, `http://${serving.host}/`, {
    ...options,
    mayAskFor: (url) => url.startsWith(`http://${serving.host}/`),
  })

const names = (shown: Shown) => shown.page.locator('tbody th').allTextContents()

/** As large as they get: failures of both kinds, some under way, the rest done. */
function large(): LiveFleet {
  const rows = Array.from({ length: 1000 }, (_, at) => {
    if (at % 250 === 17)
      return rowOf(at, {
        state: 'failed',
        kind: 'record',
        error:
          'the container never became ready: no line of its output matched “listening” in 60 s (E_READY_TIMEOUT)',
      })
    if (at % 250 === 44)
      return rowOf(at, {
        state: 'failed',
        error: 'the layers would grow by 23 %, more than the 15 % of the budget (E_EXCEEDED)',
      })
    if (at % 100 === 3) return rowOf(at, { state: 'running' })
    if (at % 60 === 5) {
      const { result: _, ...unknown } = rowOf(at, { state: 'waiting', kind: 'record', attempts: 0 })
      return unknown
    }
    return rowOf(at)
  })
  return fleetOf(rows, {
    counts: { record: { ...counts, waiting: 17 }, rebuild: { ...counts, running: 10 } },
  })
}

test('a thousand images: failures first, wide and narrow, light and dark', async () => {
  fleet = large()
  job = {
    error:
      'the container never became ready: no line of its output matched “listening” in 60 s (E_READY_TIMEOUT)',
    log: Array.from(
      { length: 200 },
      (_, line) =>
        `2026-03-01T10:00:${String(line % 60).padStart(2, '0')}Z waiting for database.internal:5432, attempt ${line + 1}`,
    ),
    commands: [
      `headstart profile docker://registry.example/search/service-17:v9.3.0@sha256:${'4f'.repeat(32)} --ready-log listening --push --name=default --output=trace.json`,
    ],
  }
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [size, width] of [
      ['wide', 1440],
      ['narrow', 375],
    ] as const) {
      await using shown = await open({ colorScheme, viewport: { width, height: 900 } })
      await shown.page.locator('tbody tr').first().waitFor()
      expect(await shown.page.locator('h1').textContent()).toBe('8 of 1,000 images failed.')
      expect(await shown.page.locator('tbody tr').count()).toBe(1000)
      expect((await names(shown)).slice(0, 3)).toEqual([
        'search/service-17:v9.3.0',
        'search/service-267:v7.1.0',
        'search/service-517:v5.6.0',
      ])
      expect(await shown.page.locator('tbody .verdict').first().textContent()).toBe('Recording failed')
      await shown.page.locator('tbody th button').first().click()
      await shown.page.locator('.details pre').first().waitFor()
      const isWider = await shown.page.evaluate(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth || document.querySelector(".wide").scrollWidth > document.querySelector(".wide").clientWidth',
      )
      expect(isWider).toBe(false)
      await mkdir('test-output', { recursive: true })
      await shown.page.screenshot({ path: `test-output/live-${size}-${colorScheme}.png` })
      await shown.page.locator('tbody tr').first().scrollIntoViewIfNeeded()
      await shown.page.evaluate('window.scrollBy(0, 600)')
      await shown.page.screenshot({ path: `test-output/live-${size}-${colorScheme}-open.png` })
      // One row is made like the other, and axe takes its time for each.
      await shown.page.getByLabel('Search').fill('service-17:')
      expect(await axe(shown.page)).toEqual([])
      expect(shown.complaints).toEqual([])
    }
})

test('names, errors and logs of others become no markup, and no direction is turned', async () => {
  const hostile = '<img src=x onerror="window.hacked=1">\u202e'
  fleet = fleetOf([rowOf(1, { source: `registry.example/${hostile}`, state: 'failed', error: hostile })], {
    pollError: hostile,
  })
  job = { error: hostile, log: [hostile, '\u001b[31m'], commands: [hostile] }
  await using shown = await open()
  await shown.page.locator('tbody th button').click()
  await shown.page.locator('.details pre').first().waitFor()
  const text = (await shown.page.locator('main').textContent()) ?? ''
  expect(text.split('<img src=x').length - 1).toBe(5)
  expect(text).not.toContain('\u202e')
  expect(text).toContain('\\u001b[31m')
  expect(await shown.page.locator('img').count()).toBe(0)
  expect(await shown.page.evaluate('window.hacked')).toBeUndefined()
  expect(shown.complaints).toEqual([])
})

test('searched, filtered and sorted', async () => {
  fleet = large()
  await using shown = await open()
  const { page } = shown
  const count = page.locator('#count')
  await page.locator('tbody tr').first().waitFor()
  expect(await count.textContent()).toBe('1,000 of 1,000 images of registry.example')
  await page.getByLabel('Show').selectOption('failed')
  expect(await count.textContent()).toBe('8 of 1,000 images of registry.example')
  await page.getByLabel('Search').fill('BUDGET')
  expect(await count.textContent()).toBe('4 of 1,000 images of registry.example')
  await page.getByLabel('Search').fill('')
  await page.getByLabel('Show').selectOption('')
  const column = (index: number) => page.locator(`tbody td:nth-child(${index})`).allTextContents()
  await page.getByRole('button', { name: 'To start' }).click()
  const first = (await column(4))[0]
  await page.getByRole('button', { name: 'To start' }).click()
  const [least, ...others] = await column(4)
  expect(least).not.toBe(first)
  // What isn't known comes last, either way.
  expect(others.at(-1)).toBe('–')
  expect(await page.locator('th[aria-sort="ascending"]').textContent()).toBe('To start')
  await page.getByRole('button', { name: 'Image' }).click()
  expect((await names(shown)).slice(0, 3)).toEqual([
    'billing/service-1:v2.1.0',
    'billing/service-6:v7.6.0',
    'billing/service-11:v3.4.0',
  ])
})

test('brought up to date without disturbing who reads it', async () => {
  fleet = fleetOf([rowOf(1, { state: 'running' }), rowOf(2)])
  await using shown = await open()
  const { page } = shown
  const title = page.locator('h1')
  await page.getByText('1 of 2 images is on the way.').waitFor()
  await page.getByRole('button', { name: 'service-2' }).click()
  await page.locator('.details pre').waitFor()
  await page.evaluate('window.before = document.activeElement')
  fleet = fleetOf([rowOf(1), rowOf(2), rowOf(3)])
  await page.getByText('All 3 images are up to date.').waitFor()
  expect(await names(shown)).toEqual([
    'billing/service-1:v2.1.0',
    'identity-and-access/service-3:v4.3.0',
    'search/service-2:v3.2.0',
  ])
  expect(await page.evaluate('window.before === document.activeElement')).toBe(true)
  expect(await page.locator('.details').count()).toBe(1)
  // It asks at once when it is looked at again; it was seen to ask by itself.
  const look = () => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
  fleet = 'the queue at redis://redis:6379 does not answer'
  await look()
  await page.getByText('as of just now: the queue at redis://redis:6379 does not answer').waitFor()
  expect(await title.textContent()).toBe('All 3 images are up to date.')
  fleet = fleetOf([])
  await look()
  await page.getByText('No image has been looked at yet.').waitFor()
  expect(await page.locator('tbody tr').count()).toBe(0)
  await page.locator('#freshness:text-is("live")').waitFor()
})
