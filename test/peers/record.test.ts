/** Against the reference tool's eyes: what `ctr-remote images optimize` records of a start, our trace holds too. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { runCommand } from '../../image/command.ts'
import { openSource } from '../../image/sources.ts'
import { profileImage } from '../../tracer/profile.ts'
import { demoImage } from '../support/demo-image.ts'
import { startContainerd } from './containerd.ts'

const record = z.object({ path: z.string(), layerIndex: z.number() })

async function referenceRecord(folder: string): Promise<Set<string>> {
  await using containerd = await startContainerd()
  const archive = join(folder, 'demo.tar')
  await runCommand('skopeo', ['copy', '-q', demoImage, `oci-archive:${archive}:latest`])
  await containerd.ctr('images', 'import', '--base-name', 'demo', archive)
  const out = join(folder, 'record.jsonl')
  const options = ['--oci', '--net-host', '--period', '6', '--record-out', out]
  await containerd.ctr('images', 'optimize', ...options, 'demo:latest', 'demo:optimized')
  const lines = (await readFile(out, 'utf8')).trim().split('\n')
  return new Set(lines.map((line) => record.parse(JSON.parse(line)).path))
}

test('the trace holds every file that the reference tool records', { timeout: 180_000 }, async () => {
  const folder = await mkdtemp('/var/tmp/hs-record-')
  try {
    const seen = await referenceRecord(folder)
    await using source = await openSource(demoImage)
    const { trace } = await profileImage({
      image: await source.image(),
      command: [],
      engine: 'runc',
      run: { network: 'none' },
      ready: { by: 'period', ms: 6000 },
      tool: 'test',
    })
    const ours = new Set(trace.files.map((file) => file.path))
    expect(seen.size).toBeGreaterThan(100)
    expect([...seen].filter((path) => !ours.has(path))).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
