/** The flags that say where, and how much, is kept between commands. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { sizeFlag } from './values.ts'

export interface CacheFlags {
  /** false: none; undefined: the usual folder */
  readonly cache?: string | false
  readonly cacheSize: number
}

export interface CacheRequest {
  readonly folder: string
  readonly bytes: number
  /** A person named the folder: it is an error if it can't be used. */
  readonly isNamed: boolean
}

const CACHE_BYTES = 10e9

/** @param use what the folder is for; @param option makes one, in the group that it belongs to */
export function addCacheFlags(
  command: Command,
  use: string,
  option = (flags: string, text: string) => new Option(flags, text),
): Command {
  return command
    .addOption(
      option(
        '--cache <folder>',
        `${use} (default: $HEADSTART_CACHEDIR, else /var/cache/headstart for root, else in $XDG_CACHE_HOME)`,
      ),
    )
    .addOption(option('--no-cache', 'keep nothing, and use nothing that was kept'))
    .addOption(
      option('--cache-size <bytes>', 'how much is kept').argParser(sizeFlag).default(CACHE_BYTES, '10GB'),
    )
}

/** @returns undefined: nothing is kept */
export function cacheRequest({ cache, cacheSize }: CacheFlags): CacheRequest | undefined {
  if (cache === false || cacheSize === 0) return undefined
  const folder = cache ?? usualFolder()
  return folder === undefined ? undefined : { folder, bytes: cacheSize, isNamed: cache !== undefined }
}

/** @returns undefined: there is none, of a user who has no home */
function usualFolder(): string | undefined {
  const { HEADSTART_CACHEDIR: named, XDG_CACHE_HOME: caches } = process.env
  if (named) return named
  if (process.geteuid?.() === 0) return '/var/cache/headstart'
  if (caches) return join(caches, 'headstart')
  const home = homeOfUser()
  return home ? join(home, '.cache', 'headstart') : undefined
}

/** A number that a container was given as its user may be nobody's. */
function homeOfUser(): string | undefined {
  try {
    return homedir()
  } catch {
    return undefined
  }
}
