/**
 * `npm run build`: the package's compiled form in dist/, made by `npm pack` as well. JavaScript with declarations, the report's
 * programs, what a start loads and libdeflate bundled, and what is read at run time beside it; and the man pages in man/.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { definitionOf } from '../cli/definition.ts'
import { listenForInterrupts } from '../cli/interrupt.ts'
import { createProgram, version } from '../cli/main.ts'
import { manPages } from '../cli/man.ts'
import { bundleClient, bundledFile, CLIENTS } from '../report/page/bundle.ts'
import { bundleStart } from './bundle-start.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const {
  dependencies,
  optionalDependencies,
}: Record<string, Record<string, string>> = JSON.parse(readFileSync('package.json', 'utf8'))
rmSync('dist', { recursive: true, force: true })
execFileSync('node_modules/.bin/tsc', ['--project', 'tsconfig.build.json'], { stdio: 'inherit' })
for (const file of globSync('dist/**/*.js')) startCompiledThreads(file)
bundleLibdeflate()
mkdirSync('dist/report/page/client', { recursive: true })
for (const client of CLIENTS) writeFileSync(`dist/report/page/${bundledFile(client)}`, bundleClient(client))
cpSync('report/page/style', 'dist/report/page/style', { recursive: true })
await bundleStart(Object.keys({ ...dependencies, ...optionalDependencies }))
await writeManPages()

/** The compiler rewrites imports; the files of threads and processes are named by URLs, which it leaves. */
function startCompiledThreads(file: string): void {
  const text = readFileSync(file, 'utf8')
  const changed = text.replace(/(new URL\('\.[^']*)\.ts'/g, "$1.js'")
  if (changed !== text) writeFileSync(file, changed)
}

/**
 * libdeflate is part of the package: as a dependency it would make npm warn on Node 22, since its only release asks for 24. It runs on both,
 * as the package's test shows.
 */
function bundleLibdeflate(): void {
  const licence = readFileSync('node_modules/libdeflate/LICENSE.txt', 'utf8')
  buildSync({
    entryPoints: ['node_modules/libdeflate/index.js'],
    outfile: 'dist/optimizer/compress/libdeflate.js',
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: `/*\nlibdeflate\n\n${licence}\n*/` },
    logLevel: 'error',
  })
  const caller = 'dist/optimizer/compress/jobs.js'
  writeFileSync(caller, readFileSync(caller, 'utf8').replace("from 'libdeflate'", "from './libdeflate.js'"))
}

/** npm links those that package.json names to where `man` looks. */
async function writeManPages(): Promise<void> {
  using interrupts = listenForInterrupts()
  rmSync('man', { recursive: true, force: true })
  mkdirSync('man')
  const pages = manPages(definitionOf(await createProgram(interrupts)), version())
  for (const { file, text } of pages) writeFileSync(`man/${file}`, text)
}
