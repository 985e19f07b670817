/** `headstart report`: what was recorded and measured, as one HTML file. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { HeadstartError, messageOf } from '../../image/errors.ts'
import { type Bench, parseBench } from '../../report/bench/file.ts'
import { renderReport } from '../../report/page/render.ts'
import { parseTrace, type Trace } from '../../tracer/trace.ts'
import type { CliContext } from '../context.ts'
import { bytes } from '../output.ts'

export function register(command: Command, context: CliContext): void {
  command
    .argument('<files...>', 'a trace, a measurement, or both, in any order')
    .option('-o, --output <file>', 'where the page goes', 'report.html')
    .action(async (files: string[], flags: { output: string }) => {
      const output = context.output()
      const page = renderReport(await readMaterial(files))
      const beside = `${flags.output}.${process.pid}.tmp`
      await writeFile(beside, page)
      await rename(beside, flags.output)
      output.result(`written to ${flags.output} (${bytes(Buffer.byteLength(page))})`)
    })
}

/** Which file is which is told by what is in it. */
async function readMaterial(files: readonly string[]): Promise<{ trace?: Trace; bench?: Bench }> {
  const material: { trace?: Trace; bench?: Bench } = {}
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new HeadstartError('E_FILE', `${file} can't be read: ${messageOf(cause)}`, { cause })
    })
    const kind = isBench(text) ? 'bench' : 'trace'
    if (material[kind] !== undefined)
      throw new HeadstartError(
        'E_USAGE',
        `${file} is a second ${kind === 'bench' ? 'measurement' : 'trace'}`,
        {
          hint: 'Give one trace and one measurement; headstart trace merge joins traces',
        },
      )
    if (kind === 'bench') material.bench = parseBench(text, file)
    else material.trace = parseTrace(text, file)
  }
  return material
}

/** A measurement has samples; what is neither is told what is wrong with it as a trace. */
function isBench(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'samples' in value
  } catch {
    return false
  }
}
