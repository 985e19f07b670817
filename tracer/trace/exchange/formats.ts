/** Every format in which a start is exported to other tools or imported from them: one table for each direction. */
import type { Trace } from '../file.ts'
import { isAccessLog, parseAccessLog } from './access-log.ts'
import type { Touched } from './import.ts'
import { exportNydus, isNydus, parseNydus } from './nydus.ts'
import { type Exported, exportPathList } from './paths.ts'
import { exportPrefetchList, isPrefetchList, parsePrefetchList } from './prefetch-list.ts'
import { exportSoci, isSoci, parseSoci } from './soci.ts'
import { exportSociSpans, type ZtocLayer } from './soci-spans.ts'
import { exportRecord, isRecord, parseRecord, type RecordedImage } from './stargz-record.ts'

/** What has to be known besides the trace. */
export type ExportForm =
  | { readonly needs: 'trace'; readonly write: (trace: Trace) => Exported }
  | { readonly needs: 'image'; readonly write: (trace: Trace, image: RecordedImage) => Exported }
  | { readonly needs: 'ztoc'; readonly write: (trace: Trace, layer: ZtocLayer) => Exported }

export const exportForms: Readonly<Record<string, ExportForm>> = {
  stargz: { needs: 'image', write: exportRecord },
  'prefetch-list': { needs: 'trace', write: exportPrefetchList },
  nydus: { needs: 'trace', write: exportNydus },
  'nydus-patterns': { needs: 'trace', write: exportPathList },
  soci: { needs: 'trace', write: exportSoci },
  'soci-spans': { needs: 'ztoc', write: exportSociSpans },
  overlaybd: { needs: 'trace', write: exportPathList },
}

export interface ImportForm {
  /** looks at the content, and only as far as it must */
  readonly isIt: (text: string) => boolean
  /** @throws HeadstartError E_RECORD */
  readonly parse: (text: string, where: string) => Touched[]
}

/** The first that fits is it. A list of paths fits nearly every text, so it comes last. */
export const importForms: readonly ImportForm[] = [
  { isIt: isRecord, parse: parseRecord },
  { isIt: isNydus, parse: parseNydus },
  { isIt: isAccessLog, parse: parseAccessLog },
  { isIt: isSoci, parse: parseSoci },
  { isIt: isPrefetchList, parse: parsePrefetchList },
]
