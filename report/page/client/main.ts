/** The page's program: unpacks the data, formats numbers in the reader's locale, and draws charts and table. */
import { drawBytes } from './bytes-chart.ts'
import { localize } from './dom.ts'
import { unpackFiles } from './files.ts'
import { showMap } from './map.ts'
import { drawStart } from './start-chart.ts'
import { showTable } from './table.ts'
import { whenThemed } from './theme.ts'
import { unpackPage } from './unpack.ts'
import { showWaterfall } from './waterfall.ts'
import { showWhatIf } from './what-if.ts'

const data = unpackPage()
localize()
whenThemed((theme) => drawStart(data, theme))
whenThemed((theme) => drawBytes(data, theme))
showWhatIf(data)
const files = unpackFiles(data)
showMap(data, files)
showWaterfall(data, files)
showTable(data, files)
document.documentElement.dataset.drawn = String(Math.round(performance.now()))
