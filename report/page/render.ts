/**
 * One self-contained HTML page. Everything from an image is escaped, the data is compressed and inert, and a policy in the page
 * allows only the page's own script and style, known by their hashes.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateRawSync } from 'node:zlib'
import { clientProgram } from './bundle.ts'
import { type Html, html } from './html.ts'
import { buildModel, type Material, type Model, titleOf } from './model/model.ts'
import { accessSection } from './sections/accesses.ts'
import { againstSection } from './sections/against.ts'
import { answer } from './sections/answer.ts'
import { auditSection } from './sections/audit.ts'
import { bytesSection } from './sections/bytes.ts'
import { contents, type Section } from './sections/contents.ts'
import { mapSection } from './sections/map.ts'
import { methodSection } from './sections/method.ts'
import { nextSection } from './sections/next.ts'
import { startSection } from './sections/start.ts'
import { tableSection } from './sections/table.ts'
import { wasteSection } from './sections/waste.ts'
import { whatIfSection } from './sections/what-if.ts'

/** The most that the list of files may take, compressed: with the program, and a third more as base64, the page stays under 1 MB. */
const FILES_BUDGET = 520_000

/** By what they style; later ones override earlier ones. */
const STYLES = [
  'colours',
  'page',
  'answer',
  'contents',
  'charts',
  'what-if',
  'tables',
  'facts',
  'screens',
] as const

const style = (more: readonly string[]): string =>
  [...STYLES, ...more]
    .map((name) => readFileSync(new URL(`./style/${name}.css`, import.meta.url), 'utf8'))
    .join('\n')

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

export interface Shell {
  readonly title: string
  readonly body: Html
  /** JSON, which the script finds compressed in #data */
  readonly data: unknown
  readonly script: string
  /** files of `style/` besides those of every page */
  readonly styles?: readonly string[]
  /** it may ask the server that it came from */
  readonly asksServer?: boolean
}

/** Keeps `</script` from ending the script early: in a bundle it only occurs in strings, where an escape means the same. */
const inScript = (text: string): string => text.replace(/<(?=\/script|!--)/gi, '\\x3c')

export function renderShell({ title, body, data, script, styles = [], asksServer = false }: Shell): string {
  const code = inScript(script)
  const css = style(styles)
  const packed = deflateRawSync(new TextEncoder().encode(JSON.stringify(data)), { level: 9 })
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(css)}; img-src data:;${asksServer ? " connect-src 'self';" : ''} base-uri 'none'; form-action 'none'`
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

/** What the page consists of after its answer, in this order; those without material are left out. */
function sectionsOf(material: Material, model: Model): Section[] {
  const all: Section[] = [
    { id: 'against', label: 'Before', html: againstSection(material, model) },
    { id: 'start', label: 'Pull and start', html: startSection(model) },
    { id: 'bytes', label: 'Bytes', html: bytesSection(model) },
    { id: 'what-if', label: 'What if', html: whatIfSection(material, model) },
    { id: 'map', label: 'The image', html: mapSection(model) },
    { id: 'accesses', label: 'File by file', html: accessSection(material) },
    { id: 'files', label: 'Files', html: tableSection(model) },
    { id: 'waste', label: 'Never read', html: wasteSection(material, model) },
    { id: 'audit', label: 'Audit', html: auditSection(material) },
    { id: 'method', label: 'Method', html: methodSection(material, model) },
  ]
  return all.filter(({ html: { html: text } }) => text !== '')
}

/** @returns the whole page; needs at least one of trace and measurement */
export function renderReport(material: Material): string {
  const model = buildModel(material, FILES_BUDGET)
  const name = titleOf(material)
  const sections = sectionsOf(material, model)
  const ids = new Set(sections.map(({ id }) => id))
  const next = { id: 'next', label: 'Next', html: nextSection(material, model.verdict, ids) }
  const body = html`<a class="skip" href="#answer">Skip to the answer</a>
<header><span class="brand">headstart</span><span class="of">${name}</span></header>
${contents([next, ...sections])}
<main>
${answer(material, model)}
${[next, ...sections].map((section) => section.html)}
</main>
<footer>Made by headstart. This page loads nothing from the network.</footer>`
  return renderShell({
    title: `${name}: headstart report`,
    body,
    data: model.data,
    script: clientProgram('main'),
  })
}
