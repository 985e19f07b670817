/** What the benchmarks have in common: how a command is measured, and how often, and how large its image is. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { tocImageOf } from '../../image/layers/external-toc.ts'
import { openSource } from '../../image/sources.ts'
import type { Image } from '../../image/types.ts'

export interface CommandCost {
  readonly wallS: number
  readonly cpuS: number
  readonly peakMiB: number
}

const run = promisify(execFile)

/** `HEADSTART_ROUNDS=1` shows in a short time whether a benchmark still runs; its figures mean nothing then. */
export const roundsOr = (usual: number): number => Number(process.env.HEADSTART_ROUNDS ?? usual)

/** GNU time reports the cost of a process and its children. */
export async function measureCommand(
  command: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<CommandCost> {
  const { stderr } = await run('/usr/bin/time', ['-f', 'taken %e %U %S %M', command, ...args], {
    maxBuffer: 1 << 26,
    ...(env && { env }),
  })
  const [, wall, user, system, peak] = /taken (\S+) (\S+) (\S+) (\S+)/.exec(stderr) ?? []
  return { wallS: Number(wall), cpuS: Number(user) + Number(system), peakMiB: Number(peak) / 1024 }
}

const layerBytes = ({ manifest }: Image): number => manifest.layers.reduce((sum, { size }) => sum + size, 0)

/** Of its layers as they are compressed, and of tables of contents that are in another image. */
export async function sizesOf(image: string): Promise<{ bytes: number; tocBytes: number }> {
  await using source = await openSource(image)
  const tocs = await tocImageOf(source)
  return { bytes: layerBytes(await source.image()), tocBytes: tocs ? layerBytes(tocs) : 0 }
}
