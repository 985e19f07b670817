/**
 * The page's program: browser TypeScript in `client/`, bundled with the chart library. The package holds it bundled; a checkout bundles it
 * once per process.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { HeadstartError } from '../../system/errors.ts'

/** The pages there are, each with a program of its own. */
export const CLIENTS = ['main', 'fleet', 'live'] as const
export type Client = (typeof CLIENTS)[number]

const known = new Map<Client, string>()

/** Where the package holds what `bundleClient` made. */
export const bundledFile = (client: Client): string => `client/${client}.min.js`

export function clientProgram(client: Client): string {
  const made = known.get(client)
  if (made !== undefined) return made
  const file = new URL(bundledFile(client), import.meta.url)
  const text = existsSync(file) ? readFileSync(file, 'utf8') : bundleClient(client)
  known.set(client, text)
  return text
}

/** @throws HeadstartError E_REPORT */
export function bundleClient(client: Client): string {
  // Only a checkout has it: a static import would need it everywhere.
  const { buildSync }: typeof import('esbuild') = createRequire(import.meta.url)('esbuild')
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL(`client/${client}.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome105', 'firefox110', 'safari16'],
    charset: 'ascii',
    legalComments: 'eof',
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  const text = outputFiles[0]?.text
  if (text === undefined) throw new HeadstartError('E_REPORT', "the page's program could not be bundled")
  return text
}
