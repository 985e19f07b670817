/** How an image is run: from the engine that has it, lazily, or whole. Pure. */
import type { Location } from '../../image/location.ts'
import { familiarName, type Reference } from '../../image/reference.ts'
import { codeOf, messageOf } from '../../system/errors.ts'
import type { EngineName } from '../container/types.ts'

export type RunPlan =
  /** the Docker engine's own image, as docker run starts it */
  | { readonly how: 'stored'; readonly image: string }
  /** read by range; what turns out not to be eStargz is run the other way */
  | { readonly how: 'lazily'; readonly reference: string; readonly otherwise: WholePlan }
  | WholePlan

export type WholePlan =
  /** the Docker engine pulls it */
  | { readonly how: 'pulled'; readonly reference: Reference }
  /** unpacked here */
  | { readonly how: 'unpacked' }

export interface Circumstances {
  readonly engine: EngineName
  /** the Docker engine has an image of this name */
  readonly isStored: boolean
}

/** @param reference as it was given */
export function planRun(reference: string, location: Location, { engine, isStored }: Circumstances): RunPlan {
  const { transport } = location
  const isBare = transport === 'bare'
  if (transport === 'docker-daemon' || (isBare && isStored)) {
    const wanted = location.reference
    const image = typeof wanted === 'string' ? wanted : familiarName(wanted)
    return engine === 'docker' ? { how: 'stored', image } : { how: 'unpacked' }
  }
  if (transport === 'docker-archive') return { how: 'unpacked' }
  const isInRegistry = isBare || transport === 'docker'
  return {
    how: 'lazily',
    reference: lazyReference(reference, location),
    otherwise:
      engine === 'docker' && isInRegistry
        ? { how: 'pulled', reference: location.reference }
        : { how: 'unpacked' },
  }
}

/** A bare name is the registry's: the engine was asked already. */
export const lazyReference = (reference: string, { transport }: Location): string =>
  transport === 'bare' ? `docker://${reference}` : reference

/** Whether an image may be read lazily at all, as far as its place says. */
export const mayBeLazy = ({ transport }: Location): boolean =>
  transport !== 'docker-daemon' && transport !== 'docker-archive'

const CONVERT = 'convert it with: headstart optimize'

/**
 * What an image, its registry and the machine have to be for ranges of it to be read, and what to do about it. Each of these says what isn't so, and
 * a pull doesn't need it.
 */
const PLAIN: ReadonlyMap<string, string | undefined> = new Map([
  ['E_NOT_ESTARGZ', CONVERT],
  ['E_NO_TOC', CONVERT],
  ['E_RANGE', undefined],
  ['E_NO_FUSE', 'load it with: modprobe fuse'],
])

/** Why an image that couldn't be opened lazily is run whole, and what to do about it; undefined: it can't be run at all. */
export function whyWhole(error: unknown): string | undefined {
  const code = codeOf(error) ?? ''
  if (!PLAIN.has(code)) return undefined
  return [messageOf(error), PLAIN.get(code)].filter(Boolean).join('; ')
}
