/**
 * What `headstart run` loads when it starts, in a few files of dist/start: to find and link the four hundred modules that it is made of, and those
 * of its dependencies, takes longer than to run them. Their own places in dist lead there; the library and threads use the other modules as ever.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/** Of dist. Commands are loaded one at a time, so theirs is in pieces; all of the mount's process is needed at once. */
const COMMAND = ['cli/main', 'tracer/mount/spawn']
const SERVER = ['tracer/mount/server']
/** The dependencies that either loads at once; what some commands need, or what is loaded while a start waits anyway, stays where npm puts it. */
const BUNDLED = { command: ['commander', 'zod'], server: ['undici', 'zod'] }
const FOLDER = 'dist/start'

/** A module names files beside it by its own URL, which in the bundle is that of another folder. */
const ownUrls: Plugin = {
  name: 'own-urls',
  setup(builder) {
    builder.onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url')) return undefined
      const own = `new URL('${relative(FOLDER, path)}', import.meta.url).href`
      return { contents: text.replaceAll('import.meta.url', own) }
    })
  },
}

/** @param dependencies of the package, by name */
export async function bundleStart(dependencies: readonly string[]): Promise<void> {
  const others = (bundled: readonly string[]) => dependencies.filter((name) => !bundled.includes(name))
  const inputs = [
    ...(await bundle(COMMAND, { external: others(BUNDLED.command), splitting: true })),
    ...(await bundle(SERVER, { external: others(BUNDLED.server), splitting: false })),
  ]
  for (const entry of [...COMMAND, ...SERVER]) {
    const place = relative(dirname(join('dist', entry)), join(FOLDER, basename(entry)))
    writeFileSync(`dist/${entry}.js`, `export * from '${place}.js'\n`)
  }
  writeFileSync(join(FOLDER, 'LICENCES'), licences(inputs))
}

/** @returns the files that are in it */
async function bundle(
  entries: readonly string[],
  options: Pick<BuildOptions, 'external' | 'splitting'>,
): Promise<string[]> {
  const { metafile } = await build({
    ...options,
    entryPoints: entries.map((entry) => `dist/${entry}.js`),
    outdir: FOLDER,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    minifyWhitespace: true,
    platform: 'node',
    format: 'esm',
    plugins: [ownUrls],
    // For modules of the other kind, which undici is made of.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'\nconst require = requireFrom(import.meta.url)",
    },
    metafile: true,
    logLevel: 'error',
  })
  return Object.keys(metafile.inputs)
}

/** Of the packages that are in it. */
function licences(inputs: readonly string[]): string {
  const folders = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  )
  return [...folders].sort().map(licenceOf).join('\n')
}

function licenceOf(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (file === undefined) throw new Error(`${folder} has no licence`)
  return `${folder.replace(/^.*node_modules\//, '')}\n\n${readFileSync(join(folder, file), 'utf8')}\n`
}
