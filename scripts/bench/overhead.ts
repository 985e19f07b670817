/**
 * What recording costs: starts on the recording mount compared with the same starts on a plain folder, with cold caches, interleaved.
 * `npm run bench:overhead [-- SAMPLES [ROOT.tar]]`; without it, the root is built with mmdebstrap: it has python3 with flask and numpy, and node.
 * Needs root, FUSE and runc.
 */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessConfig } from '../../image/types.ts'
import { median } from '../../report/bench/stats.ts'
import { runCommand } from '../../system/process/command.ts'
import { createWorkspace } from '../../system/workspace.ts'
import type { ReadyCheck } from '../../tracer/container/readiness/readiness.ts'
import { runcEngine } from '../../tracer/container/runc/engine.ts'
import { startContainer } from '../../tracer/container/start.ts'
import type { ServerName } from '../../tracer/mount/mount.ts'
import { mountWritable, stackRootfs } from '../../tracer/mount/stack-rootfs.ts'

interface Start {
  readonly name: string
  readonly command: readonly string[]
  readonly ready: ReadyCheck
}

const FLASK = `
import flask, numpy
app = flask.Flask('x')
print('ready', numpy.arange(10).sum(), flush=True)
`
const NODE = `
for (const name of require('module').builtinModules) try { require(name) } catch {}
require('http').createServer().listen(0, () => console.log('ready'))
`
const PROGRAMS = `
cd /usr/bin
n=0
while [ $n -lt 200 ]; do
  for p in b2sum base32 base64 basename cat chgrp chmod chown cksum comm cp csplit cut date dd df dir dircolors dirname du echo env \
    expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice \
    nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq shred shuf sleep \
    sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users; do
    ./$p --version </dev/null >/dev/null 2>&1
    n=$((n + 1))
  done
done
exit 0
`
const ready: ReadyCheck = { by: 'log', pattern: /^ready/ }

const STARTS: readonly Start[] = [
  { name: 'python web app', command: ['python3', '-c', FLASK], ready },
  { name: 'node app', command: ['node', '-e', NODE], ready },
  { name: '200 programs', command: ['/bin/sh', '-c', PROGRAMS], ready: { by: 'exit' } },
  {
    name: 'tar of all',
    command: ['/bin/sh', '-c', 'tar cf - /usr /etc /var | cat >/dev/null'],
    ready: { by: 'exit' },
  },
]

/** The process of an image whose config is empty. */
const config: ProcessConfig = {
  env: [],
  entrypoint: [],
  cmd: [],
  workingDir: '/',
  user: '',
  stopSignal: undefined,
  exposedPorts: [],
  volumes: [],
  healthcheck: undefined,
}

type Arm = 'plain' | ServerName
const ARMS: readonly Arm[] = ['plain', 'fuse-native', 'kernel']

/** @returns ms from the container's start to ready */
async function measure(folder: string, start: Start, arm: Arm): Promise<number> {
  await using workspace = await createWorkspace()
  await using root =
    arm === 'plain'
      ? await mountWritable(workspace, folder)
      : await stackRootfs({ workspace, tree: { folder }, record: true, server: arm })
  await runCommand('sync', [])
  await writeFile('/proc/sys/vm/drop_caches', '3')
  await using started = await startContainer({
    engine: runcEngine,
    workspace,
    root: root.folder,
    plainRoot: folder,
    config,
    command: start.command,
    ready: start.ready,
  })
  const { ready: reached } = await started.untilReady()
  return (reached.at ?? Number.NaN) - started.startedAt.monotonic
}

const [samples = '5', tar] = process.argv.slice(2)
await using temporary = await createWorkspace()
const folder = await temporary.sub('image')
if (tar !== undefined && existsSync(tar)) await runCommand('tar', ['xf', tar, '-C', folder])
else
  await runCommand('mmdebstrap', [
    '--variant=minbase',
    '--include=python3,python3-flask,python3-numpy,nodejs',
    'bookworm',
    join(folder),
  ])

for (const start of STARTS) {
  const times = new Map<Arm, number[]>(ARMS.map((arm) => [arm, []]))
  for (let sample = 0; sample < Number(samples); sample++)
    for (const arm of ARMS) times.get(arm)?.push(await measure(folder, start, arm))
  const medians = ARMS.map((arm) => median(times.get(arm) ?? []))
  const [plain = Number.NaN] = medians
  const columns = ARMS.map((arm, index) => {
    const ms = medians[index] ?? Number.NaN
    return `${arm} ${ms.toFixed(0)} ms${arm === 'plain' ? '' : ` (${(ms / plain).toFixed(2)})`}`
  })
  process.stdout.write(`${start.name.padEnd(16)} ${columns.join(', ')}\n`)
}
