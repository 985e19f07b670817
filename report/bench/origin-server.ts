/** The thread behind `origin.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveImages } from '../../image/serve.ts'
import { openSource } from '../../image/sources.ts'
import type { Image } from '../../image/types.ts'

const { images }: { images: Record<string, string> } = workerData

const opened: Record<string, Image> = {}
for (const [name, reference] of Object.entries(images))
  opened[name] = await (await openSource(reference)).image()
const { host } = await serveImages(opened)
parentPort?.postMessage(host)
