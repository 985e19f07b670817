/**
 * A full pull as containerd does it: three layers at a time are fetched to disk, and each is unpacked, base layer first, as soon as it and
 * those below it have arrived.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { openSource } from '../../../image/sources.ts'
import type { Image, Layer } from '../../../image/types.ts'
import { epochMs } from '../../../system/clock.ts'
import { ifDiskFull } from '../../../system/errors.ts'
import type { BenchSample } from '../file.ts'
import type { Cycle, PulledRoot } from './types.ts'
import type { LayerArrived, UnpackOrder } from './unpack-thread.ts'

const timesSchema = z.array(z.number())

const AT_ONCE = 3

/** The container runs directly on the unpacked folder: one overlay less than with containerd. */
export async function fullPull(cycle: Cycle): Promise<PulledRoot> {
  const { workspace, signal } = cycle
  const folder = await workspace.sub('image')
  await using source = await openSource(`docker://${cycle.host}/${cycle.name}`, {
    insecure: true,
    ...(signal && { signal }),
  })
  const image = await source.image()
  const resolvedAt = epochMs()
  const downloads = download(image, await workspace.sub('blobs'), signal)
  const unpack = await unpackOnArrival(image, downloads, folder, signal)
  return { folder, ends: { resolve: resolvedAt, tocs: resolvedAt, prefetch: epochMs() }, unpack }
}

/** @returns for each layer its file, once it has arrived and was checked */
function download(image: Image, folder: string, signal: AbortSignal | undefined): Promise<string>[] {
  const lanes = new Array<Promise<unknown>>(AT_ONCE).fill(Promise.resolve())
  return image.layers.map((layer, index) => {
    const lane = index % AT_ONCE
    const file = fetchAfter(lanes[lane], layer, join(folder, String(index)), signal)
    file.catch(() => {}) // reported where this layer is awaited; later layers of the lane fail with the same error
    lanes[lane] = file
    return file
  })
}

async function fetchAfter(
  previous: Promise<unknown> | undefined,
  layer: Layer,
  file: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  await previous
  const content = await layer.open(undefined, signal)
  await pipeline(content, createWriteStream(file)).catch((error: unknown) => {
    throw ifDiskFull(error, dirname(file))
  })
  return file
}

/** In a thread of its own: unpacking must not hold up the layers that are still arriving. */
async function unpackOnArrival(
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
    done.catch(() => {}) // awaited below, unless a download fails first
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
