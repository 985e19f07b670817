/** Runs the Go program beside it, which pulls an image's layers partially on the library of podman and CRI-O, its newest release. */
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Image } from '../../../image/types.ts'
import { buildWithNewest } from '../../../scripts/support/newest.ts'
import { unmountBelow } from '../../../system/mounts.ts'
import { runCommand } from '../../../system/process/command.ts'
import { tempFolder } from '../../support/temp.ts'

const answerSchema = z.array(z.object({ diffId: z.string(), fetched: z.number() }))
type Pulled = z.infer<typeof answerSchema>[number]

/** Layers that were pulled before are found there again. */
export interface PartialStore extends AsyncDisposable {
  /** @param url of the repository's blobs. @returns of each layer: what it unpacked to, and compressed bytes fetched for it; nothing for one that is there */
  pull(image: Image, url: string): Promise<Pulled[]>
}

export async function startPartialStore(): Promise<PartialStore> {
  const program = await buildWithNewest(import.meta.dirname)
  const folder = await tempFolder()
  // An overlay can't lie on an overlay.
  const root = `${folder.path}/store`
  await mkdir(root)
  await runCommand('mount', ['-t', 'tmpfs', 'tmpfs', root])
  return {
    async pull(image, url) {
      const layers = image.layers.map(({ descriptor: { digest, size, annotations } }) => ({
        url: `${url}/${digest}`,
        digest,
        size,
        annotations,
      }))
      const running = promisify(execFile)(program, [root])
      running.child.stdin?.end(JSON.stringify(layers))
      return answerSchema.parse(JSON.parse((await running).stdout))
    },
    async [Symbol.asyncDispose]() {
      await unmountBelow(root)
      await rm(root, { recursive: true, force: true })
      await folder[Symbol.asyncDispose]()
    },
  }
}
