/** A snapshotter that logs accesses gives a profile: what is read of a lazily pulled image comes in as a trace of it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startContainerd } from '../../scripts/support/containerd.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { startRegistry } from '../../scripts/support/registry.ts'
import { HANG_MS } from '../../scripts/support/until.ts'
import { mountsBelow } from '../../system/mounts.ts'
import { parseTrace, writeTrace } from '../../tracer/trace/file.ts'
import { sandbox } from '../support/headstart.ts'
import { writeImage } from '../support/images.ts'
import { file, symlink } from '../support/tar.ts'
import { traceFile, traceOf } from '../tracer/trace/traces.ts'

/** Snapshots are numbered in the order they were made, the base first. */
const byNumber = (a: string, b: string): number => numberOf(a) - numberOf(b)
const numberOf = (mount: string): number => Number(/(\d+)\/fs$/.exec(mount)?.[1])

test.each(peerSets.filter((set) => set === 'newest'))(
  'read through the snapshotter, %s',
  async (peers) => {
    await using box = await sandbox()
    await using registry = await startRegistry()
    await using containerd = await startContainerd({ peers, settings: { log_file_access: true } })
    const image = await writeImage(join(box.folder, 'image'), {
      layers: [
        [file('etc/first', 'x'.repeat(40)), file('etc/unread', 'y')],
        [file('bin/app "1"', 'z'.repeat(30)), symlink('run', 'bin/app "1"')],
      ],
    })
    await writeTrace(join(box.folder, 'trace.json'), traceOf([traceFile('etc/first')]))
    const reference = `${registry.host}/logged:1`
    const optimized = await box.run(['optimize', image, `docker://${reference}`, '--trace', 'trace.json'])
    expect(optimized.status, optimized.stderr).toBe(0)

    await containerd.ctr('images', 'rpull', '--plain-http', '--snapshotter', 'stargz', reference)
    // Each layer is a mount of its own; a container sees them laid over each other.
    const [base = '', top = ''] = mountsBelow(
      await readFile('/proc/self/mountinfo', 'utf8'),
      join(containerd.folder, 'snapshotter'),
    ).sort(byNumber)
    for (const path of [join(top, 'run'), join(base, 'etc/first'), join(top, 'run')]) await readFile(path)

    const log = join(containerd.folder, 'snapshotter.log')
    const { status, stderr } = await box.run(['trace', 'import', log, image, '-o', 'imported.json'])
    expect(status, stderr).toBe(0)
    const { files } = parseTrace(await readFile(join(box.folder, 'imported.json'), 'utf8'), 'imported')
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ['run', 0],
      ['bin/app "1"', 30],
      ['etc/first', 40],
    ])
  },
  BUILDING_MS + HANG_MS,
)
