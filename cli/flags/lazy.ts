/** The flags that say how an image is read lazily: by which profile, and what is kept. */
import { type Command, Option } from 'commander'
import { HeadstartError } from '../../system/errors.ts'
import type { LazyChoices } from '../../tracer/run/roots.ts'
import { checkName } from '../../tracer/trace/name.ts'
import { addCacheFlags, type CacheFlags, cacheRequest } from './cache.ts'
import { collect } from './values.ts'

export interface LazyFlags extends CacheFlags {
  readonly profile?: string | boolean
  readonly trace?: readonly string[]
  readonly background: boolean
}

export function addLazyFlags(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text).helpGroup('Reading lazily:')
  command
    .addOption(
      option('--profile <name>', 'prefetch by the attached profile of this name (default: by all of them)'),
    )
    .addOption(option('--no-profile', "prefetch the image's prioritized zone, whatever is attached to it"))
    .addOption(option('--trace <file>', 'prefetch by this trace (repeatable)').argParser(collect))
    .addOption(option('--no-background', 'fetch only what is read, once the start is over'))
  return addCacheFlags(command, 'keep what was fetched here, for later runs', option)
}

/** @throws HeadstartError E_USAGE, E_OPTION */
export function lazyChoices({ profile = true, trace, background, ...flags }: LazyFlags): LazyChoices {
  const cache = cacheRequest(flags)
  if (trace && typeof profile === 'string')
    throw new HeadstartError('E_USAGE', '--profile cannot be used with --trace')
  return {
    profile: {
      attached: trace === undefined && profile !== false,
      ...(typeof profile === 'string' && { name: checkName(profile) }),
      ...(trace && { files: [...trace] }),
    },
    background,
    ...(cache && { cache: { folder: cache.folder, bytes: cache.bytes } }),
  }
}
