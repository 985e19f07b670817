// Tests run on the real parts (engine, FUSE, registry), so they need time and must not share them blindly.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Folders whose tests leave nothing running, and their process as it was: they share one, which is started and filled with modules once. */
const PURE = [
  'cli/flags',
  'fleet/config',
  'image/estargz/{format,write}',
  'image/{layers,soci,tar}',
  'optimizer/plan',
  'report/bench/formats',
  'report/page/{model,sections,shared}',
  'system/text',
  'tracer/container/readiness',
  'tracer/trace',
].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      { extends: true, test: { name: 'real', include: ['test/**/*.test.ts'], exclude: PURE } },
    ],
    // They only catch a hang: a test waits for what happens, however busy the machine is.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
    // The hundreds of processes that tests start find their code compiled, as those of the command do: see cli/headstart.js.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/headstart', import.meta.url)) },
  },
})
