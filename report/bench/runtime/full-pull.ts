/**
 * A full pull as containerd does it: three layers at once onto the disk, each unpacked, base layer first, as soon as it and those below
 * are here.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { openSource } from '../../../image/sources.ts'
import type { Image, Layer } from '../../../image/types.ts'
import { epochMs } from '../../../system/clock.ts'
import type { BenchSample } from '../file.ts'
import type { PulledRoot } from './builtin.ts'
import type { Cycle } from './types.ts'
import type { LayerArrived, UnpackOrder } from './unpack-thread.ts'

const timesSchema = z.array(z.number())

const AT_ONCE = 3

/** The container runs right on the unpacked folder: one overlay less than containerd would put in its way. */
export async function fullPull(cycle: Cycle): Promise<PulledRoot> {
  const { workspace, signal } = cycle
  const folder = await workspace.sub('image')
  await using source = await openSource(`docker://${cycle.host}/${cycle.name}`, { insecure: true, signal })
  const image = await source.image()
  const resolvedAt = epochMs()
  const downloads = download(image, await workspace.sub('blobs'), signal)
  const unpack = await unpackAsTheyCome(image, downloads, folder, signal)
  return { folder, ends: { resolve: resolvedAt, tocs: resolvedAt, prefetch: epochMs() }, unpack }
}

/** @returns for each layer the file it is in, once it is there and was checked */
function download(image: Image, folder: string, signal: AbortSignal | undefined): Promise<string>[] {
  const lanes = new Array<Promise<unknown>>(AT_ONCE).fill(Promise.resolve())
  return image.layers.map((layer, index) => {
    const file = fetchAfter(
      lanes[index % AT_ONCE] ?? Promise.resolve(),
      layer,
      join(folder, String(index)),
      signal,
    )
    file.catch(() => {}) // whoever waits for this layer is told; the others' failures come with it
    lanes[index % AT_ONCE] = file
    return file
  })
}

async function fetchAfter(
  before: Promise<unknown>,
  layer: Layer,
  file: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  await before
  await pipeline(await layer.open(undefined, signal), createWriteStream(file))
  return file
}

/** In a thread of its own: unpacking must not hold up the layers that are still on their way. */
async function unpackAsTheyCome(
  image: Image,
  downloads: readonly Promise<string>[],
  folder: string,
  signal: AbortSignal | undefined,
): Promise<BenchSample['unpack']> {
  const layers = image.layers.map(({ descriptor, diffId }) => ({ descriptor, diffId }))
  const workerData: UnpackOrder = { layers, folder }
  const worker = new Worker(new URL('./unpack-thread.ts', import.meta.url), { workerData })
  const over = new AbortController()
  const signals = signal ? [over.signal, signal] : [over.signal]
  try {
    const done = once(worker, 'message', { signal: AbortSignal.any(signals) })
    done.catch(() => {}) // it is awaited below, unless a download fails first
    for (const [index, file] of downloads.entries()) {
      const arrived: LayerArrived = { index, file: await file }
      worker.postMessage(arrived)
    }
    const [times]: unknown[] = await done
    return timesSchema.parse(times).map((ms, index) => ({ bytes: layers[index]?.descriptor.size ?? 0, ms }))
  } finally {
    over.abort()
    await worker.terminate()
  }
}
