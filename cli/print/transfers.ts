/** Shows what is in progress: one live line for all blobs, or layers, on a terminal; elsewhere a line for each finished blob, and now and then one on the way. */
import type { PullProgress } from '../../image/daemon/pull.ts'
import type { OnProgress, Progress } from '../../image/progress.ts'
import type { UnpackProgress } from '../../image/rootfs/unpack/layers.ts'
import type { RebuildProgress } from '../../optimizer/rebuild/image.ts'
import { bytes, type Output, percent } from './output.ts'

/** @param what has become of a blob that is done */
export function drawTransfers(output: Output, what: 'fetched' | 'written'): OnProgress {
  const underWay = new Map<string, Progress>()
  return (progress) => {
    const short = progress.digest.slice(7, 19)
    if (progress.kind === 'done' || progress.kind === 'existed') {
      underWay.delete(progress.digest)
      output.done()
      output.note(
        `${short}  ${bytes(progress.total)}  ${progress.kind === 'existed' ? 'already there' : what}`,
      )
      return
    }
    underWay.set(progress.digest, progress)
    output.progress(() => [...underWay.values()].map(bar).join('  '))
  }
}

const CELLS = 10

function bar({ digest, done, total }: Progress): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const full = Math.round(share * CELLS)
  return `${digest.slice(7, 13)} [${'='.repeat(full)}${' '.repeat(CELLS - full)}] ${percent(share)} of ${bytes(total)}`
}

/** One live line: what each layer under way is doing. */
export function drawLayers(output: Output): (progress: RebuildProgress) => void {
  const underWay = new Map<number, RebuildProgress>()
  return (progress) => {
    if (progress.stage === 'done') underWay.delete(progress.layer)
    else underWay.set(progress.layer, progress)
    if (underWay.size === 0) return output.done()
    output.progress(() =>
      [...underWay.values()]
        .map(
          ({ layer, layers, stage, bytes: count }) => `layer ${layer + 1}/${layers} ${stage} ${bytes(count)}`,
        )
        .join('   '),
    )
  }
}

/** While the engine pulls an image, likewise. */
export const drawPull =
  (output: Output) =>
  ({ done, total }: PullProgress): void =>
    output.progress(
      () => `pulling: ${bytes(done)} of ${bytes(total)} (${percent(done / Math.max(1, total))})`,
    )

/** While a root is unpacked: a live line, and in a log one from time to time. */
export const drawUnpacking =
  (output: Output) =>
  ({ layer, layers, done, total }: UnpackProgress): void =>
    output.progress(
      () =>
        `unpacking layer ${layer + 1} of ${layers}: ${bytes(done)} of ${bytes(total)} (${percent(done / Math.max(1, total))})`,
    )
