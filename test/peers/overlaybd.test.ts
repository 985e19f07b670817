/**
 * The newest `ctr record-trace --priority_list` of overlaybd takes the list that is exported for it. It makes a layer of it without reading it; what
 * reads it, and what makes overlaybd's images, is a program that can't be had here, so the image is one by its annotations alone.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startContainerd } from '../../scripts/support/containerd.ts'
import { buildNewest } from '../../scripts/support/newest.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { runCommand } from '../../system/process/command.ts'
import { writeTrace } from '../../tracer/trace/file.ts'
import { sandbox } from '../support/headstart.ts'
import { Layout } from '../support/layout.ts'
import { file } from '../support/tar.ts'
import { traceFile, traceOf } from '../tracer/trace/traces.ts'

const OVERLAYBD = 'containerd.io/snapshot/overlaybd'

const manifestSchema = z.object({
  layers: z.array(z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()) })),
})

test.each(peerSets.filter((set) => set === 'newest'))(
  'the list is the trace of an acceleration layer, %s',
  async (peers) => {
    await using box = await sandbox()
    const at = (name: string) => join(box.folder, name)
    const layout = new Layout(at('image'))
    const layer = await layout.layer([file('app/start', 'x'), file('etc/unread', 'y')])
    const annotations = {
      [`${OVERLAYBD}/blob-digest`]: layer.digest,
      [`${OVERLAYBD}/blob-size`]: `${layer.size}`,
    }
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
    const image = await layout.finish(await layout.image(architecture, [{ ...layer, annotations }]))
    await writeTrace(at('trace.json'), traceOf([traceFile('app/start', { size: 1, ranges: [[0, 1]] })]))
    const exported = await box.run(['trace', 'export', 'trace.json', '--format', 'overlaybd', '-o', 'list'])
    expect(exported.status, exported.stderr).toBe(0)

    await using containerd = await startContainerd({ peers, snapshotter: 'none' })
    await runCommand('skopeo', ['copy', '-q', image, `oci-archive:${at('image.tar')}:v1`])
    await containerd.ctr('images', 'import', '--base-name', 'plain', at('image.tar'))
    // The tool's layer is nobody's for a moment. A collection that the import is followed by is over when this returns.
    await containerd.ctr('content', 'prune', 'references')
    const ctr = join(await buildNewest('overlaybd'), 'ctr')
    const work = ['--priority_list', at('list'), '--working-dir', at('work')]
    await runCommand(ctr, ['--address', containerd.address, 'record-trace', ...work, 'plain:v1', 'made:v1'])

    const [digest = ''] =
      /sha256:[0-9a-f]{64}/.exec(await containerd.ctr('images', 'ls', 'name==made:v1')) ?? []
    const { layers } = manifestSchema.parse(JSON.parse(await containerd.ctr('content', 'get', digest)))
    expect(layers.at(-1)?.annotations[`${OVERLAYBD}/acceleration-layer`]).toBe('yes')
    // A tar with one small file.
    const made = await containerd.ctr('content', 'get', layers.at(-1)?.digest ?? '')
    expect([made.slice(0, 5), made.slice(512).replace(/\0+$/, '')]).toEqual(['trace', '/app/start\n'])
  },
  BUILDING_MS,
)
