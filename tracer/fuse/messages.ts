/** What the mount process and its parent say to each other, over Node's IPC channel. Checked on both sides. */
import { z } from 'zod'

const layerSpec = z.strictObject({
  /** of the blob; a redirect is followed without the headers when it leaves the host */
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  size: z.number().int().positive(),
  tocDigest: z.string(),
})

/** The tree to serve. */
export const treeSpec = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('directory'),
    folder: z.string(),
    /** [path, [name, value in base64][]][] */
    xattrs: z.array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.string()]))])),
  }),
  z.strictObject({
    kind: z.literal('lazy'),
    layers: z.array(layerSpec),
    prefetch: z.boolean(),
    cacheFolder: z.string(),
    /** bytes of decoded chunks kept besides the zone */
    cacheBytes: z.number().int().positive(),
    insecure: z.boolean(),
  }),
])
export type TreeSpec = z.infer<typeof treeSpec>

export const mountSpec = z.strictObject({
  mountPoint: z.string(),
  tree: treeSpec,
  record: z.boolean(),
})
export type MountSpec = z.infer<typeof mountSpec>

export const requestSchema = z.discriminatedUnion('ask', [
  z.strictObject({ id: z.number(), ask: z.literal('mount'), spec: mountSpec }),
  z.strictObject({
    id: z.number(),
    ask: z.enum(['restart', 'markReady', 'recording', 'progress', 'counters']),
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

export const mountedSchema = z.strictObject({
  totals: z.strictObject({ files: z.number(), bytes: z.number() }),
  /** symlinks at the root: name and target, byte text */
  rootLinks: z.array(z.strictObject({ name: z.string(), target: z.string() })),
})

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

/** What the lazy file system fetched, by the reason. Bytes are those of the responses' bodies. */
export const countersSchema = z.strictObject({ toc: traffic, prefetch: traffic, onDemand: traffic })
export type Counters = z.infer<typeof countersSchema>
