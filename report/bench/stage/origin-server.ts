/** The thread of `origin.ts`: serves images from where they are staged. */
import '../../../system/node-22.ts'
import { parentPort, workerData } from 'node:worker_threads'
import type { Artifact } from '../../../image/referrers/artifact.ts'
import { serveImages } from '../../../image/serve.ts'
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import { traceArtifact } from '../../../tracer/trace/artifact.ts'
import type { OriginOrder } from './origin-order.ts'

const { images, registry }: OriginOrder = workerData

const opened: Record<string, Image> = {}
const attached: Record<string, Artifact[]> = {}
for (const { name, reference, platform, profiles } of images) {
  const image = await (await openSource(reference, registry)).image(platform)
  opened[name] = image
  attached[name.slice(0, name.lastIndexOf(':'))] = profiles.map((profile) =>
    traceArtifact(profile.trace, image.descriptor, profile.name),
  )
}
const { host } = await serveImages(opened, attached)
parentPort?.postMessage(host)
