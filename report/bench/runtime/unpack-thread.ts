/** The thread of `full-pull.ts` that unpacks layers, base first, each as soon as its file has arrived. */
import { createReadStream } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { unpackLayers } from '../../../image/rootfs/unpack/layers.ts'
import type { Layer } from '../../../image/types.ts'
import { epochMs } from '../../../system/clock.ts'

export interface UnpackOrder {
  readonly layers: readonly Pick<Layer, 'descriptor' | 'diffId'>[]
  readonly folder: string
}

export interface LayerArrived {
  readonly index: number
  readonly file: string
}

const { layers, folder }: UnpackOrder = workerData

const arrivals = layers.map(() => Promise.withResolvers<string>())
parentPort?.on('message', ({ index, file }: LayerArrived) => arrivals[index]?.resolve(file))

const begun: number[] = []
const times: number[] = []
const waiting = layers.map((layer, index) => ({
  ...layer,
  async open() {
    const file = await arrivals[index]?.promise
    begun.push(epochMs())
    return createReadStream(file ?? '', { highWaterMark: 1 << 20 })
  },
}))
await unpackLayers({ layers: waiting }, folder, {
  onLayer: () => times.push(epochMs() - (begun.at(-1) ?? 0)),
})
parentPort?.postMessage(times)
