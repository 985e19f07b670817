/** The thread of `origin.ts`: serves images from where they are staged. */
import '../../../system/node-22.ts'
import { parentPort, workerData } from 'node:worker_threads'
import { serveImages } from '../../../image/serve.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import type { OriginOrder } from './origin-order.ts'

const { images, registry }: OriginOrder = workerData

const opened: Record<string, Image> = {}
for (const { name, reference, platform } of images)
  opened[name] = await (await openSource(reference, registry)).image(platform)
const { host } = await serveImages(opened)
parentPort?.postMessage(host)
