/**
 * `npm run build`: the package's compiled form in dist/, made by `npm pack` as well. JavaScript with declarations and source maps, the report's
 * programs bundled, and what is read at run time beside it; and the man pages in man/.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { definitionOf } from '../cli/definition.ts'
import { listenForInterrupts } from '../cli/interrupt.ts'
import { createProgram, version } from '../cli/main.ts'
import { manPages } from '../cli/man.ts'
import { bundleClient, bundledFile, CLIENTS } from '../report/page/bundle.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
rmSync('dist', { recursive: true, force: true })
execFileSync('node_modules/.bin/tsc', ['--project', 'tsconfig.build.json'], { stdio: 'inherit' })
for (const file of globSync('dist/**/*.js')) startCompiledThreads(file)
mkdirSync('dist/report/page/client', { recursive: true })
for (const client of CLIENTS) writeFileSync(`dist/report/page/${bundledFile(client)}`, bundleClient(client))
cpSync('report/page/style', 'dist/report/page/style', { recursive: true })
await writeManPages()

/** The compiler rewrites imports; the files of threads and processes are named by URLs, which it leaves. */
function startCompiledThreads(file: string): void {
  const text = readFileSync(file, 'utf8')
  const changed = text.replace(/(new URL\('\.[^']*)\.ts'/g, "$1.js'")
  if (changed !== text) writeFileSync(file, changed)
}

/** npm links those that package.json names to where `man` looks. */
async function writeManPages(): Promise<void> {
  using interrupts = listenForInterrupts()
  rmSync('man', { recursive: true, force: true })
  mkdirSync('man')
  const pages = manPages(definitionOf(await createProgram(interrupts)), version())
  for (const { file, text } of pages) writeFileSync(`man/${file}`, text)
}
