/** How many files are prefetched, in the same words wherever they are counted. */
import type { ZoneFiles } from '../../image/estargz/read/zone.ts'
import { thousands } from './output.ts'

export const zoneFilesText = ({ zoneFiles, splitFiles }: ZoneFiles): string =>
  `${thousands(zoneFiles)}${splitFiles > 0 ? ` and ${thousands(splitFiles)} in part` : ''}`
