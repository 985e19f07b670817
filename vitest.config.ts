// Tests run on the real parts (engine, FUSE, registry), so they need time and must not share them blindly.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
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
