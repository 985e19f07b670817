/** How a fleet's registries are reached, as the flags say. */
import { type Command, Option } from 'commander'
import type { Looking } from '../../fleet/look/look.ts'
import { openRegistries } from '../../fleet/look/registries.ts'

export interface AccessFlags {
  readonly insecure: boolean
  readonly caFile?: string
}

export const addAccessFlags = (command: Command): Command =>
  command
    .addOption(new Option('--insecure', 'allow plain HTTP and untrusted certificates').default(false))
    .addOption(new Option('--ca-file <file>', "PEM file of the registries' certificate authority"))

export function lookingWith(
  { insecure, caFile }: AccessFlags,
  queue: Looking['queue'],
  signal: AbortSignal,
): Looking & AsyncDisposable {
  const access = { insecure, ...(caFile !== undefined && { caFile }) }
  const registries = openRegistries({ ...access, signal })
  return {
    queue,
    registries,
    access,
    signal,
    [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
  }
}
