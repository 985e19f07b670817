/** The page's program: browser TypeScript in `client/`, bundled with the chart library, once per process. */
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { HeadstartError } from '../../system/errors.ts'

const made = new Map<string, string>()

/** @param entry a file in `client/` */
export function bundleClient(entry: 'main.ts' | 'fleet.ts'): string {
  const known = made.get(entry)
  if (known !== undefined) return known
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL(`./client/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome105', 'firefox110', 'safari16'],
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  const text = outputFiles[0]?.text
  if (text === undefined) throw new HeadstartError('E_REPORT', "the page's program could not be bundled")
  made.set(entry, text)
  return text
}
