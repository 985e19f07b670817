/** The flags that say where, and how much, is kept between commands. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Option } from 'commander'
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

/** @param kept what is kept in it */
export const cacheOptions = (option: (flags: string, text: string) => Option, kept: string): Option[] => [
  option(
    '--cache <folder>',
    `keep ${kept} here (default: $HEADSTART_CACHEDIR, else /var/cache/headstart for root, else in $XDG_CACHE_HOME)`,
  ),
  option('--no-cache', 'keep nothing'),
  option('--cache-size <bytes>', 'how much is kept').argParser(sizeFlag).default(CACHE_BYTES, '10GB'),
]

/** @returns undefined: nothing is kept */
export function cacheRequest({ cache, cacheSize }: CacheFlags): CacheRequest | undefined {
  if (cache === false || cacheSize === 0) return undefined
  return { folder: cache ?? usualFolder(), bytes: cacheSize, isNamed: cache !== undefined }
}

function usualFolder(): string {
  const named = process.env.HEADSTART_CACHEDIR
  if (named) return named
  if (process.geteuid?.() === 0) return '/var/cache/headstart'
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'headstart')
}
