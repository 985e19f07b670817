/** The command line of `optimize`, parsed once, before any image is opened, into the request that is handed on whole. */
import type { Command } from 'commander'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import { type BenchAudit, readBench } from '../../report/bench/file.ts'
import { HeadstartError } from '../../system/errors.ts'
import { type GivenTrace, readGiven } from '../read-trace.ts'
import { addImageFlags, type ImageFlags } from './image.ts'
import { addProfileFlags, type ProfileFlags, type RecordOrder, recordOrder } from './profile.ts'
import { addRebuildFlags, optionsOf, type RebuildFlags } from './rebuild.ts'
import { collect, jsonOption, positiveFlag } from './values.ts'

export interface OptimizeFlags extends ProfileFlags, RebuildFlags {
  readonly trace?: string[]
  readonly minRuns: number
  readonly refine?: string
  readonly allPlatforms: boolean
  readonly force: boolean
  readonly explain: boolean
  readonly json: boolean
}

export interface OptimizeRequest {
  readonly from: string
  readonly to: string
  /** how both are reached */
  readonly access: ImageFlags
  readonly allPlatforms: boolean
  readonly replaceTarget: boolean
  readonly start: StartRequest
  readonly options: Partial<OptimizeOptions>
  readonly print: { readonly json: boolean; readonly explain: boolean }
}

/** How the start is known. */
export interface StartRequest {
  /** traces that were given, or how to record one; undefined: nothing could be made of one */
  readonly from: { readonly traces: readonly GivenTrace[] } | { readonly record: RecordOrder } | undefined
  readonly minRuns: number
  /** what corrects it */
  readonly audit?: BenchAudit
}

export function addOptimizeFlags(command: Command): Command {
  command
    .argument('<image>', 'the image to optimize')
    .argument('<target>', 'where to write the new image: a registry, oci:FOLDER[:TAG], or an archive')
    .argument('[command...]', "after --: replaces the image's command while recording")
    .option(
      '--trace <file>',
      "from headstart profile, or ctr-remote's record file; without one the start is recorded first (repeatable)",
      collect,
    )
    .option('--min-runs <count>', 'ignore files that fewer of the recorded starts touched', positiveFlag, 1)
    .option(
      '--refine <file>',
      'a measurement from headstart bench --audit, to correct the prefetch selection',
    )
    .option('--all-platforms', 'rebuild every image of an index; files are matched by path', false)
    .option('-f, --force', 'overwrite the target', false)
    .option('--explain', 'show for each file of the start where it was put, and why', false)
    .addOption(jsonOption())
  return addImageFlags(addProfileFlags(addRebuildFlags(command)))
}

/**
 * @param command after `--`
 * @throws HeadstartError E_OPTION, E_FILE; E_TRACE, E_RECORD, E_BENCH: a file that is named can't be read
 */
export async function optimizeRequest(
  from: string,
  to: string,
  command: readonly string[],
  flags: OptimizeFlags,
): Promise<OptimizeRequest> {
  const { trace, refine, minRuns, allPlatforms, force, json, explain } = flags
  return {
    from,
    to,
    access: flags,
    allPlatforms,
    replaceTarget: force,
    start: {
      from: trace
        ? { traces: await Promise.all(trace.map(readGiven)) }
        : flags.keepDiffId
          ? undefined
          : { record: await recordOrder(command, flags) },
      minRuns,
      ...(refine !== undefined && { audit: await readAudit(refine) }),
    },
    options: optionsOf(flags),
    print: { json, explain },
  }
}

async function readAudit(file: string): Promise<BenchAudit> {
  const { audit } = await readBench(file)
  if (audit) return audit
  throw new HeadstartError('E_BENCH', `${file} contains no audit`, {
    hint: 'Measure with: headstart bench --audit',
  })
}
