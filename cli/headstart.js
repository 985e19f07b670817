#!/usr/bin/env node
// The command's entry: the compiled command in the package, the sources in a checkout. Sources need Node 24: an older Node hands over to the
// one of the `node` package.
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const file = (path) => fileURLToPath(new URL(path, import.meta.url))
const [major, minor] = process.versions.node.split('.').map(Number)
const isCheckout = existsSync(file('./main.ts'))

if (isCheckout && major < 24) handOver()
else if (major < 22 || (major === 22 && minor < 19))
  refuse(`headstart needs Node 22.19 or newer; this is ${process.version}`)
else {
  // Types stripped and code compiled once, not at every call. Whoever can write compiled code decides what runs, so it lies with
  // the code, trusted as it is; Node's own choice is a folder that every user of the machine can make. Whoever installed the package
  // can remove it again, so nobody else leaves files in it.
  if (isCheckout || statSync(file('..')).uid === process.getuid?.())
    (await import('node:module')).enableCompileCache(file('../node_modules/.cache/headstart'))
  process.on('SIGUSR1', () => {}) // until the command listens: Node would open its debugger, to everybody on the machine
  const args = process.argv.slice(2)
  // The process of its mount loads while the command does: see tracer/mount/spawn.ts.
  if (args.find((arg) => !arg.startsWith('-')) === 'run' && !args.includes('--help'))
    (await import(isCheckout ? '../tracer/mount/spawn.ts' : '../dist/tracer/mount/spawn.js')).spawnAhead()
  const { main } = await import(isCheckout ? './main.ts' : '../dist/cli/main.js')
  await main(args)
}

function refuse(why) {
  console.error(`headstart: ${why}`)
  process.exitCode = 1
}

function handOver() {
  const newer = file('../node_modules/node/bin/node')
  if (!existsSync(newer)) {
    refuse(`a checkout runs on Node 24 or newer, this is ${process.version}; run npm ci, which brings it`)
    return
  }
  const child = spawn(newer, ['--', file('./headstart.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both processes, others perhaps to this one alone: the command counts what it hears in both ways once.
  process.on('SIGINT', () => child.kill('SIGSTKFLT'))
  process.on('SIGQUIT', () => {}) // as the terminal sends it
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal))
  const numbers = { ...constants.signals, SIGSTKFLT: constants.signals.SIGINT }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + numbers[signal]
  })
}
