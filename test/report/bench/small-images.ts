/** A small image that reads a few of its files, and its optimized form: shared by the tests that measure. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { openSource } from '../../../image/sources.ts'
import type { Image } from '../../../image/types.ts'
import { chooseLink } from '../../../report/bench/link/presets.ts'
import type { BenchRequest } from '../../../report/bench/run.ts'
import { HANG_MS } from '../../../scripts/support/until.ts'
import { busyboxImage } from '../../support/images.ts'
import { optimized, startFile } from '../../support/optimized.ts'
import { dir, file } from '../../support/tar.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

/** Reads one file of the lower layer and two of the upper; the rest is ballast. */
const COMMAND = 'cat /data/wanted /data/small > /dev/null && echo ready to serve && sleep 60'

export interface SmallImages {
  readonly original: Image
  readonly optimized: Image
  readonly others: readonly []
}

/**
 * @param zone paths of the prioritized zone
 * @param ranges of `data/wanted` that go ahead alone
 */
export async function makeImages(
  folder: string,
  zone: readonly string[] = ['bin/busybox', 'data/wanted', 'data/small'],
  ranges?: readonly (readonly [number, number])[],
): Promise<SmallImages> {
  const ballast = Array.from({ length: 10 }, (_, index) => file(`data/ballast${index}`, randomBytes(300_000)))
  const app = [dir('data/'), ...ballast, file('data/wanted', randomBytes(400_000)), file('data/small', 'x')]
  const reference = await busyboxImage(join(folder, 'original'), { command: COMMAND, app })
  const original = await (await openSource(reference)).image()
  const to = `oci:${join(folder, 'optimized')}:latest`
  const startup = zone.map((path) => ({
    ...startFile(path),
    ...(path === 'data/wanted' && ranges !== undefined && { ranges }),
  }))
  const split = ranges === undefined ? 'off' : 'always'
  await optimized(reference, to, { startup, options: { prioritize: 'all', split } })
  return { original, optimized: await (await openSource(to)).image(), others: [] }
}

/** Made before the file's tests, removed after them. */
export function smallImages() {
  let temp: TempFolder
  let made: SmallImages
  beforeAll(async () => {
    temp = await tempFolder()
    made = await makeImages(temp.path)
  })
  afterAll(() => temp[Symbol.asyncDispose]())
  return {
    get folder(): string {
      return temp.path
    },
    get images(): SmallImages {
      return made
    },
    /** of the whole original */
    get layerBytes(): number {
      return made.original.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0)
    },
  }
}

/** One sample of each arm, on runc. */
export const benchRequest = (changes: Partial<BenchRequest> = {}): BenchRequest => ({
  link: chooseLink('wan', { bitsPerSecond: 60_000_000, roundTripMs: 8 }),
  runtime: { name: 'builtin' },
  start: {
    command: [],
    run: { network: 'host' },
    ready: { by: 'log', pattern: /ready to serve/ },
    timeoutMs: HANG_MS,
    engine: 'runc',
  },
  rounds: { samples: 1, warmups: 0 },
  watchMs: 0,
  made: { tool: 'headstart 0.0.0', command: 'headstart bench a b' },
  ...changes,
})
