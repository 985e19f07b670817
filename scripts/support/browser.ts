/** Debian's Chromium, driven by Playwright, showing a page that was written to a file. Errors of the page fail the test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { HANG_MS } from './until.ts'

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'], timeout: HANG_MS })

export interface Shown extends AsyncDisposable {
  readonly page: Page
  /** what the page complained about: exceptions, console errors, policy violations, requests to anywhere */
  readonly complaints: string[]
}

export async function show(
  browser: Browser,
  html: string,
  options: BrowserContextOptions = {},
): Promise<Shown> {
  const folder = await mkdtemp(join(tmpdir(), 'report-test-'))
  const file = join(folder, 'report.html')
  await writeFile(file, html)
  const { href } = pathToFileURL(file)
  const visited = await visit(browser, href, { ...options, mayAskFor: (url) => url === href })
  return {
    ...visited,
    async [Symbol.asyncDispose]() {
      await visited[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Opens a page that a server of the test serves. */
export async function visit(
  browser: Browser,
  url: string,
  { mayAskFor, ...options }: BrowserContextOptions & { readonly mayAskFor: (url: string) => boolean },
): Promise<Shown> {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-US', ...options })
  context.setDefaultTimeout(HANG_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!mayAskFor(request.url()) && !request.url().startsWith('data:'))
      complaints.push(`asked for ${request.url()}`)
  })
  await page.goto(url)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** Kept as test output, to be looked at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  await mkdir('test-output', { recursive: true })
  await page.screenshot({ path: `test-output/${name}.png`, fullPage: true })
}
