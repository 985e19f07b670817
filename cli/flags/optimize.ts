/** The command line of `optimize`, parsed once, before any image is opened, into a request: each part of it goes to what needs it. */
import { type Command, Option } from 'commander'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import { type BenchAudit, readBench } from '../../report/bench/file.ts'
import { HeadstartError } from '../../system/errors.ts'
import { checkName } from '../../tracer/trace/artifact.ts'
import { type GivenTrace, readGiven } from '../read-trace.ts'
import { addImageFlags } from './image.ts'
import { addProfileFlags, type ProfileFlags, type RecordOrder, recordOrder } from './profile.ts'
import { addRebuildFlags, optionsOf, type RebuildFlags } from './rebuild.ts'
import { collect, jsonOption, positiveFlag } from './values.ts'

export interface OptimizeFlags extends ProfileFlags, RebuildFlags {
  readonly trace?: string[]
  readonly profileFrom?: string
  readonly profileName?: string
  readonly record: boolean
  readonly minRuns: number
  readonly refine?: string
  readonly allPlatforms: boolean
  readonly provenance: boolean
  readonly metadataFile?: string
  readonly force: boolean
  readonly explain: boolean
  readonly json: boolean
}

export interface OptimizeRequest {
  readonly allPlatforms: boolean
  readonly replaceTarget: boolean
  readonly provenance: boolean
  readonly metadataFile?: string
  readonly start: StartRequest
  readonly options: Partial<OptimizeOptions>
  readonly print: { readonly json: boolean; readonly explain: boolean }
}

/** How the start is known. */
export interface StartRequest {
  readonly from: StartOrigin
  readonly minRuns: number
  /** what corrects it */
  readonly audit?: BenchAudit
}

/** Traces that were given; attached ones; a start that is recorded now; undefined: nothing could be made of one. */
export type StartOrigin =
  | { readonly traces: readonly GivenTrace[] }
  | { readonly attached: AttachedChoice }
  | { readonly record: RecordOrder }
  | undefined

export interface AttachedChoice {
  /** of another image, usually an earlier build; else of the image itself */
  readonly to?: string
  /** of one workload; else of all */
  readonly name?: string
  /** where there is none */
  readonly otherwise?: RecordOrder
}

export function addOptimizeFlags(command: Command): Command {
  command
    .argument('<image>', 'the image to optimize')
    .argument('<target>', 'where to write the new image: a registry, oci:FOLDER[:TAG], or an archive')
    .argument('[command...]', "after --: replaces the image's command while recording")
    .option(
      '--trace <file>',
      "from headstart profile, or ctr-remote's record file (default: what is attached to the image; if nothing is, the start is recorded first) (repeatable)",
      collect,
    )
    .addOption(
      new Option(
        '--profile-from <image>',
        'use what is attached to this image, an earlier build; --min-coverage says how much of it must fit',
      ).conflicts('trace'),
    )
    .addOption(
      new Option(
        '--profile-name <name>',
        'use only the attached profile of this name (default: all, merged)',
      ).conflicts('trace'),
    )
    .addOption(
      new Option('--record', 'record the start even if a profile is attached to the image')
        .default(false)
        .conflicts(['trace', 'profileFrom', 'profileName']),
    )
    .option('--min-runs <count>', 'ignore files that fewer of the recorded starts touched', positiveFlag, 1)
    .option(
      '--refine <file>',
      'a measurement from headstart bench --audit, to correct the prefetch selection',
    )
    .option('--all-platforms', 'rebuild every image of an index; files are matched by path', false)
    .option(
      '--provenance',
      'attach how and from what it was made, as an in-toto statement of SLSA provenance',
      false,
    )
    .option('--metadata-file <file>', "write the new image's name and digest, in the form of docker buildx")
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
  command: readonly string[],
  flags: OptimizeFlags,
): Promise<OptimizeRequest> {
  const { refine, minRuns, allPlatforms, force, json, explain } = flags
  return {
    allPlatforms,
    replaceTarget: force,
    provenance: flags.provenance,
    ...(flags.metadataFile !== undefined && { metadataFile: flags.metadataFile }),
    start: {
      from: await originOf(command, flags),
      minRuns,
      ...(refine !== undefined && { audit: await readAudit(refine) }),
    },
    options: optionsOf(flags),
    print: { json, explain },
  }
}

async function originOf(command: readonly string[], flags: OptimizeFlags): Promise<StartOrigin> {
  const { trace, profileFrom, profileName, keepDiffId, record } = flags
  if (trace) return { traces: await Promise.all(trace.map(readGiven)) }
  if (keepDiffId) return undefined
  const name = profileName === undefined ? {} : { name: checkName(profileName) }
  if (profileFrom !== undefined) return { attached: { to: profileFrom, ...name } }
  if (profileName !== undefined) return { attached: name }
  const order = await recordOrder(command, flags)
  return record ? { record: order } : { attached: { otherwise: order } }
}

async function readAudit(file: string): Promise<BenchAudit> {
  const { audit } = await readBench(file)
  if (audit) return audit
  throw new HeadstartError('E_BENCH', `${file} contains no audit`, {
    hint: 'Measure with: headstart bench --audit',
  })
}
