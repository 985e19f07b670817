#!/usr/bin/env node
// The command's entry. Sources are TypeScript and need Node 24: an older Node hands over to the one of the `node` package.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major] = process.versions.node.split('.').map(Number)
if (major >= 24) {
  const { enableCompileCache } = await import('node:module')
  // Types stripped and code compiled once, not at every call. Whoever can write compiled code decides what runs, so it lies with
  // the sources, trusted as they are; Node's own choice is a folder that every user of the machine can make.
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/headstart', import.meta.url)))
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2))
} else {
  const newer = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
  if (!existsSync(newer)) {
    console.error(`headstart: needs Node 24 or newer, this is ${process.version}; run npm ci in the checkout`)
    process.exit(1)
  }
  const child = spawn(newer, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // The terminal sends Ctrl-C to both: this one only waits, and passes on what was sent to it alone.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
  })
}
