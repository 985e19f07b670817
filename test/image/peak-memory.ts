/** Runs one copy or unpack in a process of its own and prints its peak memory: `node peak-memory.ts copy FROM TO`, `node peak-memory.ts unpack FROM FOLDER`. */
import { copyImage } from '../../image/copy.ts'
import { unpackLayers } from '../../image/rootfs/unpack/layers.ts'
import { openSource } from '../../image/sources.ts'
import { openTarget } from '../../image/targets.ts'

const [what, from = '', to = ''] = process.argv.slice(2)
await using source = await openSource(from)
const image = await source.image()
if (what === 'unpack') await unpackLayers(image, to)
else {
  await using target = await openTarget(to)
  await target.prepare({ force: false })
  await copyImage(image, target)
}
console.log(process.resourceUsage().maxRSS)
