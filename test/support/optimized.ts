/** An optimized image for tests that are about what comes after. */
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import type { StartupFile } from '../../optimizer/plan/startup.ts'
import { rebuildImage } from '../../optimizer/rebuild/image.ts'

/** A file that the start opened and read some of. */
export const startFile = (path: string): StartupFile => ({
  path,
  ranges: [],
  size: 0,
  afterReady: false,
  read: true,
})

export async function optimized(
  from: string,
  to: string,
  {
    startup,
    options,
  }: { readonly startup: readonly StartupFile[]; readonly options: Partial<OptimizeOptions> },
): Promise<void> {
  await using source = await openSource(from)
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  await rebuildImage({ image: await source.image(), target, options, startup })
}
