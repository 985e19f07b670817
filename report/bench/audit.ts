/**
 * Closes the loop: one more start of the optimized image, recorded, shows which files of the zone were not read, and which were fetched
 * on demand. With the result, the next optimization chooses a better zone.
 */

import { openEstargz } from '../../image/estargz/read/reader.ts'
import { fetchFrom } from '../../image/layers/estargz.ts'
import { mergeLayers } from '../../image/rootfs/merge-layers.ts'
import type { Image } from '../../image/types.ts'
import { HeadstartError } from '../../system/errors.ts'
import { textOf } from '../../system/text/byte-path.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { chooseEngine } from '../../tracer/container/index.ts'
import type { Recording } from '../../tracer/mount/mount.ts'
import { stackRootfs } from '../../tracer/mount/stack-rootfs.ts'
import type { ArmTarget, Session } from './cycle.ts'
import type { BenchAudit, BenchFile } from './file.ts'
import type { LinkRequest } from './link/messages.ts'
import { type LayerOffsets, purposeOf, rangeOf } from './link/requests.ts'
import { groundOf, lazyTreeOf } from './runtime/builtin.ts'
import type { Cycle, Starter } from './runtime/types.ts'

/** One start of the optimized image on the recording mount, whatever runtime the samples were taken with. */
export async function auditStart(session: Session, target: ArmTarget, starter: Starter): Promise<BenchAudit> {
  await using workspace = await createWorkspace()
  const cycle = session.newCycle(target, workspace)
  await cycle.begin()
  const { recording, requests } = await recordStart(cycle, starter)
  return compareWithZone({
    files: target.staged.facts.files ?? [],
    recording,
    fetched: fetchedOnDemand(requests, cycle.layers, await chunkOwners(cycle.image)),
    zoneBytes: cycle.layers.reduce((sum, { zoneEnd }) => sum + zoneEnd, 0),
  })
}

/** @returns what was read until ready, and what was requested for that */
async function recordStart(cycle: Cycle, starter: Starter) {
  const { workspace, signal } = cycle
  await using rootfs = await stackRootfs({
    workspace,
    tree: lazyTreeOf(cycle, await workspace.sub('cache')),
    record: true,
    ...(signal && { signal }),
  })
  const engine = await chooseEngine(starter.settings.engine, { signal: cycle.signal })
  await using container = await starter.start(cycle, engine, rootfs.folder, {
    beforeStart: () => rootfs.mount.restart(),
    ground: groundOf(rootfs.mount),
  })
  await rootfs.mount.markReady()
  const recording = await rootfs.mount.recording()
  const requests = await cycle.requests()
  return { recording, requests: requests.filter(({ startedAt }) => startedAt <= container.readyAt) }
}

interface Fetched {
  readonly requests: number
  readonly bytes: number
}

/** What was fetched on demand, by the file whose chunk was requested. */
function fetchedOnDemand(
  requests: readonly LinkRequest[],
  layers: readonly LayerOffsets[],
  owners: ReadonlyMap<string, string>,
): ReadonlyMap<string, Fetched> {
  const fetched = new Map<string, Fetched>()
  for (const request of requests) {
    if (purposeOf(request, layers) !== 'onDemand') continue
    const { digest, start } = rangeOf(request, layers) ?? {}
    const path = owners.get(`${digest}@${start}`)
    if (path === undefined) continue
    const before = fetched.get(path) ?? { requests: 0, bytes: 0 }
    fetched.set(path, { requests: before.requests + 1, bytes: before.bytes + request.bytes })
  }
  return fetched
}

/** From `digest@offset` of each chunk's member to the path of its file. */
async function chunkOwners({ layers }: Image): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>()
  const opened = await Promise.all(
    layers.map((layer) => openEstargz(layer.descriptor.size, fetchFrom(layer))),
  )
  for (const [path, { layer, entry }] of mergeLayers(opened.map(({ entries }) => entries)).entries)
    for (const { offset } of entry.chunks)
      owners.set(`${layers[layer]?.descriptor.digest}@${offset}`, textOf(path))
  return owners
}

interface AuditInput {
  readonly files: readonly BenchFile[]
  readonly recording: Pick<Recording, 'files'>
  readonly fetched: ReadonlyMap<string, Fetched>
  readonly zoneBytes: number
}

/** Pure. */
function compareWithZone({ files, recording, fetched, zoneBytes }: AuditInput): BenchAudit {
  const read = new Map(
    recording.files
      .filter((file) => file.type === 'reg' && file.ranges.length > 0)
      .map((file) => [textOf(file.path), file.ranges] as const),
  )
  if (files.length === 0)
    throw new HeadstartError('E_AUDIT', 'the audit needs an image whose layers are all eStargz', {
      hint: 'Convert it with: headstart optimize',
    })
  const unused = files
    .filter(([path, , , , zone]) => zone === 1 && !read.has(path))
    .map(([path, , , packed]): [string, number] => [path, packed])
    .toSorted((a, b) => b[1] - a[1])
  const onDemand = files
    .filter(([path, , , , zone]) => zone !== 1 && read.has(path) && (zone === 0 || fetched.has(path)))
    .map(([path, , size]) => ({
      path,
      size,
      ranges: [...(read.get(path) ?? [])],
      bytes: fetched.get(path)?.bytes ?? 0,
      requests: fetched.get(path)?.requests ?? 0,
    }))
    .toSorted((a, b) => b.requests - a.requests || b.bytes - a.bytes)
  return { unused, onDemand, zoneBytes, unusedBytes: unused.reduce((sum, [, bytes]) => sum + bytes, 0) }
}
