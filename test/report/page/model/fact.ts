/** A file of an image, as the page knows it. */
import type { FileFact } from '../../../../report/page/model/files.ts'

export const fact = (path: string, size: number, read?: number): FileFact => ({
  path,
  layer: 0,
  size,
  packed: size / 2,
  zone: 0,
  ahead: 0,
  read,
  openMs: read === undefined ? -1 : 1,
  readMs: read === undefined ? -1 : 2,
})
