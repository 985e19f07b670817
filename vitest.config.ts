// Tests run on the real parts (engine, FUSE, registry), so they need time and must not share them blindly.
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
  },
})
