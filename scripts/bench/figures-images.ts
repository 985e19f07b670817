/** The images that `bench:figures` compares, each with what making it took. One that is not measured is not made. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../../system/files/exists.ts'
import { type DemoKind, demoImages } from '../demo-image/images.ts'
import { type CommandCost, measureCommand, sizesOf } from '../support/measure.ts'
import { makeReference, referenceFolder } from '../support/reference.ts'

export const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname

/** What `optimize` is told for an arm. Only ranges ahead, where that pays; other formats. */
const FLAGS = {
  optimized: [],
  split: ['--split'],
  'zstd:chunked': ['--format', 'zstd:chunked'],
  'external-toc': ['--format', 'estargz+external-toc'],
} as const satisfies Record<string, readonly string[]>

type Own = keyof typeof FLAGS

const isOwn = (arm: string): arm is Own => Object.hasOwn(FLAGS, arm)

export interface MadeImage {
  readonly arm: string
  /** for `openSource` */
  readonly image: string
  /** of one conversion */
  readonly cost: CommandCost | undefined
  /** of its layers */
  readonly bytes: number
  /** of the tables of contents that are in another image */
  readonly tocBytes: number
}

export interface ImagesRequest {
  readonly arms: readonly string[]
  readonly folder: string
  /** of a registry, where an image can have another one beside it */
  readonly host: string
  /** takes what is there already */
  readonly keep: boolean
}

/** The same for every arm: a line of the log. */
export const readiness = (kind: DemoKind): string[] => ['--ready-log', demoImages[kind].ready.source]

/** @returns undefined: one of them is not there */
async function keptImages(arms: readonly string[], folder: string): Promise<MadeImage[] | undefined> {
  const made: MadeImage[] = []
  for (const arm of new Set(['optimized', ...arms.filter((each) => isOwn(each) || each === 'reference')])) {
    const layout = arm === 'reference' ? referenceFolder(folder) : join(folder, arm.replace(':', '-'))
    if (!(await exists(join(layout, 'index.json')))) return undefined
    const image = `oci:${layout}:latest`
    made.push({ arm, image, cost: undefined, ...(await sizesOf(image)) })
  }
  return made
}

/** headstart's trace ends at ready; that of the reference ends after a period. */
export async function makeImages(kind: DemoKind, request: ImagesRequest): Promise<MadeImage[]> {
  const folder = join(request.folder, kind)
  const original = demoImages[kind].image
  const kept = request.keep ? await keptImages(request.arms, folder) : undefined
  if (kept) return kept
  await mkdir(folder, { recursive: true })
  const trace = join(folder, 'trace.json')
  const recording = ['profile', original, '--network', 'none', ...readiness(kind), '-o', trace]
  await measureCommand(process.execPath, [HEADSTART, ...recording])
  const made: MadeImage[] = []
  // `bench` takes the optimized image, whether or not it is measured.
  for (const arm of new Set(['optimized', ...request.arms].filter(isOwn))) {
    const image =
      arm === 'external-toc'
        ? `docker://${request.host}/${kind}:latest`
        : `oci:${folder}/${arm.replace(':', '-')}:latest`
    const order = ['optimize', original, image, '--trace', trace, '--no-cache', ...FLAGS[arm], '--force']
    const cost = await measureCommand(process.execPath, [HEADSTART, ...order])
    made.push({ arm, image, cost, ...(await sizesOf(image)) })
  }
  if (request.arms.includes('reference')) {
    const { image, cost } = await makeReference(original, folder)
    made.push({ arm: 'reference', image, cost, ...(await sizesOf(image)) })
  }
  // For `headstart run`, which fetches by it. Conversion changes layers, so that none of these is the image that was recorded.
  for (const { image } of made)
    await measureCommand(process.execPath, [HEADSTART, 'trace', 'push', image, trace, '--force'])
  return made
}
