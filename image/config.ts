/**
 * Image configs, OCI's and Docker's: JSON from outside to checked values, once, here.
 *
 * Source: OCI image-spec v1.1 (config.md).
 */
import { z } from 'zod'
import { checkValue } from '../system/text/json.ts'
import { digestSchema, list, nullable, parseBounded } from './document.ts'
import type { ImageConfig } from './types.ts'

export const MAX_CONFIG_BYTES = 16 << 20

/** As Go, and so every engine, reads JSON: keys in any case, the last of several wins; null is nothing. */
const asGo = <S extends z.ZodRawShape>(shape: S) => {
  const known = new Map(Object.keys(shape).map((key) => [key.toLowerCase(), key]))
  return z.preprocess((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [known.get(key.toLowerCase()) ?? key, each]),
    )
  }, z.object(shape))
}

const text = nullable(z.string())
const texts = list(text.transform((value) => value ?? ''))
/** Docker's `strslice`: a single argument may be a plain string. */
const words = z.preprocess((value) => (typeof value === 'string' ? [value] : value), texts)

const healthcheckSchema = nullable(asGo({ Test: texts }))

const configSchema = asGo({
  architecture: z.string(),
  os: z.string(),
  variant: text,
  config: nullable(
    asGo({
      Env: texts,
      Entrypoint: words,
      Cmd: words,
      WorkingDir: text,
      User: text,
      StopSignal: text,
      ExposedPorts: nullable(z.record(z.string(), z.unknown())),
      Volumes: nullable(z.record(z.string(), z.unknown())),
      Healthcheck: healthcheckSchema,
    }),
  ),
  rootfs: asGo({ type: z.literal('layers'), diff_ids: list(digestSchema) }),
  history: list(asGo({ created_by: text, empty_layer: nullable(z.boolean()) })),
})

/** @throws HeadstartError E_CONFIG, E_TOO_LARGE */
export function parseConfig(bytes: Uint8Array, where: string): ImageConfig {
  const subject = { code: 'E_CONFIG', what: `the config of ${where}` } as const
  const value = checkValue(parseBounded(bytes, MAX_CONFIG_BYTES, subject), configSchema, subject)
  const { config } = value
  const health = config?.Healthcheck?.Test
  return {
    platform: { os: value.os, architecture: value.architecture, variant: value.variant || undefined },
    process: {
      env: config?.Env ?? [],
      entrypoint: config?.Entrypoint ?? [],
      cmd: config?.Cmd ?? [],
      workingDir: config?.WorkingDir || '/',
      user: config?.User ?? '',
      stopSignal: config?.StopSignal || undefined,
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
      volumes: Object.keys(config?.Volumes ?? {}),
      healthcheck: health?.length ? health : undefined,
    },
    diffIds: value.rootfs.diff_ids,
    history: value.history.map((entry) => ({
      createdBy: entry.created_by,
      emptyLayer: entry.empty_layer ?? false,
    })),
  }
}

/** What an engine wants to know of an image besides its process: it runs the check, and lists the rest. */
export interface EngineFacts {
  readonly labels: Readonly<Record<string, string>>
  /** `80/tcp` */
  readonly exposedPorts: readonly string[]
  readonly healthcheck: Healthcheck | undefined
}

/** As in the config, and the engine's API; times are in ns. */
export interface Healthcheck {
  readonly Test: string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly Retries?: number
}

const amount = nullable(z.number().int().nonnegative())

const factsSchema = asGo({
  config: nullable(
    asGo({
      Labels: nullable(z.record(z.string(), z.string())),
      ExposedPorts: nullable(z.record(z.string(), z.unknown())),
      Healthcheck: nullable(
        asGo({ Test: texts, Interval: amount, Timeout: amount, StartPeriod: amount, Retries: amount }),
      ),
    }),
  ),
})

/** @throws HeadstartError E_CONFIG, E_TOO_LARGE */
export function parseEngineFacts(bytes: Uint8Array, where: string): EngineFacts {
  const subject = { code: 'E_CONFIG', what: `the config of ${where}` } as const
  const { config } = checkValue(parseBounded(bytes, MAX_CONFIG_BYTES, subject), factsSchema, subject)
  const { Test = [], ...times } = config?.Healthcheck ?? {}
  const given = Object.entries(times).filter(([, value]) => value !== undefined)
  return {
    labels: config?.Labels ?? {},
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    healthcheck: Test.length > 0 ? { Test, ...Object.fromEntries(given) } : undefined,
  }
}
