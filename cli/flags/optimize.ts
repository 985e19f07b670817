/** The command line of `optimize`, parsed once, before any image is opened, into a request: each part of it goes to what needs it. */
import { type Command, Option } from 'commander'
import type { OptimizeOptions } from '../../optimizer/options.ts'
import type { Limits } from '../../optimizer/rebuild/limits.ts'
import { type BenchAudit, readBench } from '../../report/bench/file.ts'
import { HeadstartError } from '../../system/errors.ts'
import { checkName } from '../../tracer/trace/name.ts'
import { type GivenTrace, readGiven } from '../read-trace.ts'
import { addCacheFlags, type CacheFlags, type CacheRequest, cacheRequest } from './cache.ts'
import { addImageFlags } from './image.ts'
import { addProfileFlags, type ProfileFlags, pushedName, type RecordOrder, recordOrder } from './profile.ts'
import { addRebuildFlags, optionsOf, type RebuildFlags } from './rebuild.ts'
import { collect, growthFlag, jsonOption, positiveFlag, sizeFlag } from './values.ts'

export interface OptimizeFlags extends ProfileFlags, RebuildFlags, CacheFlags {
  readonly trace?: string[]
  readonly profileFrom?: string[]
  readonly profileName?: string[]
  readonly record: boolean
  readonly minRuns: number
  readonly refine?: string
  readonly allPlatforms: boolean
  readonly pushProfile: boolean
  readonly name?: string
  readonly provenance: boolean
  readonly metadataFile?: string
  readonly force: boolean
  readonly ifCurrent: boolean
  readonly maxGrowth?: number
  readonly maxPrefetch?: number
  readonly explain: boolean
  readonly json: boolean
}

export interface OptimizeRequest {
  readonly allPlatforms: boolean
  readonly replaceTarget: boolean
  /** the target only while the source's tag names what was read */
  readonly ifCurrent: boolean
  readonly limits: Limits
  /** the name under which the profile is attached to the new image, where it isn't attached to an image yet */
  readonly pushProfile?: string
  readonly provenance: boolean
  readonly metadataFile?: string
  readonly start: StartRequest
  readonly options: Partial<OptimizeOptions>
  /** where what earlier rebuilds learned of layers is kept */
  readonly cache: CacheRequest | undefined
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
  /** the first of these images that has any, or all that are named: usually earlier builds; if empty, the image itself */
  readonly to: readonly string[]
  /** of these workloads; if empty, of all */
  readonly names: readonly string[]
  /** false: a profile of another program is only warned about */
  readonly mustStartAlike: boolean
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
        'use what is attached to this image, an earlier build; --min-coverage says how much of it must fit (repeatable: the first that has a profile)',
      )
        .argParser(collect)
        .conflicts('trace'),
    )
    .addOption(
      new Option(
        '--profile-name <name>',
        'use only the attached profile of this name (repeatable; default: all, merged)',
      )
        .argParser(collect)
        .conflicts('trace'),
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
      '--push-profile',
      'attach the profile to the new image, where run and the next build find it; those that are attached to the original go along in any case',
      false,
    )
    .option('--name <name>', 'with --push-profile: the workload it is of, where there are several')
    .option(
      '--provenance',
      'attach how and from what it was made, as an in-toto statement of SLSA provenance',
      false,
    )
    .option('--metadata-file <file>', "write the new image's name and digest, in the form of docker buildx")
    .option('-f, --force', 'overwrite the target', false)
    .option(
      '--if-current',
      "write the target only while the source's tag names the image that was read, else exit with status 5; always so where both are one tag",
      false,
    )
    .option('--explain', 'show for each file of the start where it was put, and why', false)
    .addOption(jsonOption())
  addCacheFlags(
    command,
    'remember here what was made of each layer, so that one that is unchanged is not made again',
  )
  return addImageFlags(addProfileFlags(addRebuildFlags(addLimitFlags(command))))
}

function addLimitFlags(command: Command): Command {
  const option = (flags: string, text: string) =>
    new Option(flags, text).helpGroup('Limits (exit status 3, and no target, when one is exceeded):')
  return command
    .addOption(
      option('--max-growth <share>', 'by how much the layers may grow, e.g. 10%').argParser(growthFlag),
    )
    .addOption(
      option(
        '--max-prefetch <bytes>',
        'how much may be fetched before the start: zones and tables of contents of all layers',
      ).argParser(sizeFlag),
    )
}

/**
 * @param command after `--`
 * @throws HeadstartError E_OPTION, E_FILE; E_TRACE, E_RECORD, E_BENCH: a file that is named can't be read
 */
export async function optimizeRequest(
  command: readonly string[],
  flags: OptimizeFlags,
): Promise<OptimizeRequest> {
  const { refine, minRuns, allPlatforms, force, ifCurrent, json, explain } = flags
  const pushProfile = pushedName('--push-profile', flags.pushProfile, flags.name)
  const from = await originOf(command, flags)
  if (pushProfile !== undefined && from === undefined)
    throw new HeadstartError(
      'E_USAGE',
      '--push-profile: with --keep-diff-id there is no profile but of --trace',
    )
  return {
    allPlatforms,
    replaceTarget: force,
    ifCurrent,
    limits: { growth: flags.maxGrowth, prefetchBytes: flags.maxPrefetch },
    ...(pushProfile !== undefined && { pushProfile }),
    provenance: flags.provenance,
    ...(flags.metadataFile !== undefined && { metadataFile: flags.metadataFile }),
    start: {
      from,
      minRuns,
      ...(refine !== undefined && { audit: await readAudit(refine) }),
    },
    options: optionsOf(flags),
    cache: cacheRequest(flags),
    print: { json, explain },
  }
}

async function originOf(command: readonly string[], flags: OptimizeFlags): Promise<StartOrigin> {
  const { trace, profileFrom: to = [], profileName = [], keepDiffId, record } = flags
  if (trace) return { traces: await Promise.all(trace.map(readGiven)) }
  if (keepDiffId) return undefined
  const names = profileName.map(checkName)
  const mustStartAlike = flags.minCoverage > 0
  if (to.length > 0 || names.length > 0) return { attached: { to, names, mustStartAlike } }
  const order = await recordOrder(command, flags)
  return record ? { record: order } : { attached: { to, names, mustStartAlike, otherwise: order } }
}

async function readAudit(file: string): Promise<BenchAudit> {
  const { audit } = await readBench(file)
  if (audit) return audit
  throw new HeadstartError('E_BENCH', `${file} contains no audit`, {
    hint: 'Measure with: headstart bench --audit',
  })
}
