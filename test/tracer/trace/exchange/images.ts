/** Images for imports: what they have, by path and size. */
import type { ImportContext } from '../../../../tracer/trace/exchange/import.ts'
import { traceOf } from '../traces.ts'

export const importing = (
  files: Readonly<Record<string, number>>,
  layers: readonly string[] = [],
): ImportContext => ({
  tool: 'test',
  image: traceOf([]).image,
  layers,
  paths: () => Object.keys(files),
  find: (path) => {
    const size = files[path]
    return size === undefined ? undefined : { type: 'reg', size }
  },
  now: new Date(0),
})
