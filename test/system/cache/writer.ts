/** A process that writes to a shared cache: `writer.ts FOLDER BYTES FROM TO`, contents that follow from their numbers. It says so, and waits to be ended. */

import { openDiskCache } from '../../../system/cache/disk-cache.ts'
import { contentNumber } from './contents.ts'

const [folder = '', bytes, from, to] = process.argv.slice(2)
const cache = await openDiskCache({ folder, bytes: Number(bytes) })
process.stdout.write('writing\n')
for (let number = Number(from); number < Number(to); number++) {
  const { key, content } = contentNumber(number)
  cache.write(key, content)
  if (number % 16 === 0) await cache.settled()
}
await cache.settled()
process.stdout.write('written\n')
