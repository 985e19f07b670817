/**
 * One self-contained HTML page. Everything from an image is escaped, the data is compressed and inert, and a policy in the page
 * lets nothing run or load but the page's own script and style, known by their hashes.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync } from 'fflate'
import { bundleClient } from './bundle.ts'
import { type Html, html } from './html.ts'
import { buildModel, type Material } from './model/model.ts'
import { answer, titleOf } from './sections/answer.ts'
import { methodSection } from './sections/method.ts'
import * as section from './sections/sections.ts'

/** What the list of files may take, compressed: with the program and base64's third on top, the page stays under 1 MB. */
const FILES_BUDGET = 520_000

const style = (): string => readFileSync(new URL('./style.css', import.meta.url), 'utf8')

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

export interface Shell {
  readonly title: string
  readonly body: Html
  /** JSON that the script finds packed in #data */
  readonly data: unknown
  readonly script: string
}

/** `</script` can't end the script early: in a bundle it can only stand in a string, where `<\/script` is the same. */
const inScript = (text: string): string => text.replace(/<(?=\/script|!--)/gi, '\\x3c')

export function renderShell({ title, body, data, script }: Shell): string {
  const code = inScript(script)
  const css = style()
  const packed = deflateSync(new TextEncoder().encode(JSON.stringify(data)), { level: 9 })
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(css)}; img-src data:; base-uri 'none'; form-action 'none'`
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="headstart">
<title>${title}</title>
<style>${{ html: css }}</style>
</head>
<body>
${body}
<script type="application/octet-stream" id="data">${Buffer.from(packed).toString('base64')}</script>
<script>${{ html: code }}</script>
</body>
</html>
`
  return page.html
}

/** @returns the whole page; needs at least one of the two */
export function renderReport(material: Material): string {
  const model = buildModel(material, FILES_BUDGET)
  const name = titleOf(material)
  const body = html`<a class="skip" href="#answer">Skip to the answer</a>
<header><span class="brand">headstart</span><span class="of">${name}</span></header>
<main>
${answer(material, model)}
${section.startSection(model)}
${section.bytesSection(model)}
${section.whatIfSection(model)}
${section.mapSection(model)}
${section.accessSection(material)}
${section.tableSection(model)}
${section.wasteSection(material, model)}
${section.auditSection(material)}
${methodSection(material, model)}
</main>
<footer>Made by headstart. This page loads nothing from anywhere.</footer>`
  return renderShell({
    title: `${name}: headstart report`,
    body,
    data: model.data,
    script: bundleClient('main.ts'),
  })
}
