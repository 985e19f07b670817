/** The messages between the mount process and its parent over Node's IPC channel, validated on both sides. */
import { z } from 'zod'

/** The tree to serve. */
const treeSpec = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('directory'),
    folder: z.string(),
  }),
  z.strictObject({
    kind: z.literal('lazy'),
    /** as `openSource` takes it */
    reference: z.string(),
    /** os/architecture[/variant]; the host's by default */
    platform: z.string().optional(),
    /** zone: each layer's prioritized zone, before the mount is complete; stream: not waited for, and planned by the profile if there is one */
    prefetch: z.enum(['none', 'zone', 'stream']),
    /** what `stream` is planned by: traces that are attached to the image (of one name, or the newest of each), and trace files */
    profile: z
      .strictObject({
        attached: z.boolean(),
        name: z.string().optional(),
        files: z.array(z.string()).optional(),
        /** how long the registry may take to list and give them, and a start to wait for them, instead of the usual times */
        patienceMs: z.number().int().positive().optional(),
      })
      .optional(),
    /** once the start is over, fetches what is left */
    background: z.boolean().optional(),
    /** decoded content, tables of contents and profiles, kept for other mounts of this user; without it only `cacheFolder` is used */
    cache: z.strictObject({ folder: z.string(), bytes: z.number().int().positive() }).optional(),
    /** empty; decoded content is spooled in it */
    cacheFolder: z.string(),
    memoryBytes: z.number().int().positive(),
    diskBytes: z.number().int().nonnegative(),
    insecure: z.boolean(),
    caFile: z.string().optional(),
  }),
])
export type TreeSpec = z.infer<typeof treeSpec>

/** What talks to the kernel: the fuse-native library, or our own implementation of the protocol, which is faster. */
const serverName = z.enum(['fuse-native', 'kernel'])
export type ServerName = z.infer<typeof serverName>

const mountSpec = z.strictObject({
  mountPoint: z.string(),
  tree: treeSpec,
  record: z.boolean(),
  /** other users may read it too */
  allowOther: z.boolean(),
  server: serverName,
})
export type MountSpec = z.infer<typeof mountSpec>

export const requestSchema = z.discriminatedUnion('ask', [
  z.strictObject({ id: z.number(), ask: z.literal('mount'), spec: mountSpec }),
  z.strictObject({
    id: z.number(),
    ask: z.enum([
      'restart',
      'markReady',
      'begin',
      'recording',
      'progress',
      'counters',
      'prefetchPlan',
      'faults',
      'unused',
    ]),
  }),
])
export type Request = z.infer<typeof requestSchema>

export const replySchema = z.union([
  z.strictObject({ id: z.number(), value: z.unknown() }),
  z.strictObject({
    id: z.number(),
    error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  }),
])
export type Reply = z.infer<typeof replySchema>

/** Of a lazy tree: what was opened, and how long each step took. */
const lazySummary = z.strictObject({
  reference: z.string(),
  /** base64 */
  rawManifest: z.string(),
  rawConfig: z.string(),
  resolveMs: z.number(),
  tocMs: z.number(),
  prefetchMs: z.number(),
  /** of each layer, base first */
  zoneBytes: z.array(z.number()),
})
export type LazySummary = z.infer<typeof lazySummary>

/** What a lazy tree prefetches, and why. */
export const prefetchPlanSchema = z.strictObject({
  by: z.enum(['profile', 'zone', 'nothing']),
  /** attached ones by name and digest; a file's name has no digest */
  profiles: z.array(z.strictObject({ name: z.string(), digest: z.string().optional() })),
  /** of the blobs, without what was cached */
  bytes: z.number(),
  requests: z.number(),
  /** what a person should know: a profile that was left out, and why */
  notes: z.array(z.string()),
})
export type PrefetchPlan = z.infer<typeof prefetchPlanSchema>

export const mountedSchema = z.strictObject({
  totals: z.strictObject({ files: z.number(), bytes: z.number() }),
  /** symlinks at the root: name and target, byte text */
  rootLinks: z.array(z.strictObject({ name: z.string(), target: z.string() })),
  lazy: lazySummary.optional(),
})

/** Why reads failed, each reason once. */
export const faultsSchema = z.array(z.string())

export const progressSchema = z.strictObject({ files: z.number(), bytes: z.number() })

const ranges = z.array(z.tuple([z.number(), z.number()]))

export const recordingSchema = z.strictObject({
  files: z.array(
    z.strictObject({
      path: z.string(),
      type: z.enum(['reg', 'symlink']),
      size: z.number(),
      firstOpen: z.number(),
      firstRead: z.number().optional(),
      opens: z.number(),
      ranges,
      laterRanges: ranges,
      digest: z.string().optional(),
    }),
  ),
  lookups: z.strictObject({ found: z.number(), missing: z.number(), listings: z.number() }),
})

const traffic = z.strictObject({ requests: z.number(), bytes: z.number() })

/** What the lazy file system fetched, by reason. Bytes are those of response bodies. */
export const countersSchema = z.strictObject({
  toc: traffic,
  prefetch: traffic,
  onDemand: traffic,
  background: traffic,
  /** bytes that the shared cache answered */
  cached: z.number(),
})
export type Counters = z.infer<typeof countersSchema>
