/**
 * What an image of a Docker engine is, read from the folder the engine keeps on this machine: its config as stored, and of each layer the
 * record of its tar. With them the manifest can be made without saving the image. Only for images that the engine keeps unpacked itself
 * (overlay2 and the like); with containerd's store it has a manifest of its own.
 *
 * Source: moby's image/fs.go and layer/filestore.go (folders), vbatts/tar-split tar/storage (the record).
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type Dockerode from 'dockerode'
import { z } from 'zod'
import { openRegular, readWhole } from '../../system/files/read-whole.ts'
import { checkValue, parseJson } from '../../system/text/json.ts'
import { manifestOfLayers } from '../archive/docker-manifest.ts'
import { MAX_CONFIG_BYTES, parseConfig } from '../config.ts'
import { digestOf, parseDigest } from '../digest.ts'
import { OCI_LAYER_TAR } from '../media-types.ts'
import type { Descriptor, Digest } from '../types.ts'

export interface StoredImage {
  /** the engine's own name for it */
  readonly id: Digest
  readonly descriptor: Descriptor
  readonly rawManifest: Buffer
  readonly rawConfig: Buffer
}

/** @returns undefined if that is impossible: another store, another machine, unexpected files */
export async function readStoredImage(engine: Dockerode, name: string): Promise<StoredImage | undefined> {
  try {
    const [{ DockerRootDir, Driver }, { Id }] = await Promise.all([
      engine.info().then((info) => checkValue(info, infoSchema, INFO)),
      engine.getImage(name).inspect(),
    ])
    return await readFrom(join(DockerRootDir, 'image', Driver), parseDigest(Id))
  } catch {
    return undefined
  }
}

const INFO = { code: 'E_ENGINE', what: "the Docker engine's description of itself" } as const
const infoSchema = z.object({ DockerRootDir: z.string(), Driver: z.string() })

async function readFrom(folder: string, id: Digest): Promise<StoredImage | undefined> {
  const rawConfig = await readWhole(join(folder, 'imagedb/content/sha256', hexOf(id)), MAX_CONFIG_BYTES)
  if (digestOf(rawConfig) !== id) return undefined
  const { diffIds } = parseConfig(rawConfig, id)
  const layers = await Promise.all(
    chainIds(diffIds).map(async (chain, place) => ({
      mediaType: OCI_LAYER_TAR,
      size: await tarBytes(join(folder, 'layerdb/sha256', hexOf(chain), 'tar-split.json.gz')),
      digest: diffIds[place] ?? chain,
    })),
  )
  return { id, ...manifestOfLayers(rawConfig, layers), rawConfig }
}

const hexOf = (digest: Digest): string => digest.slice('sha256:'.length)

/** A layer on those below it: the digest of theirs and its own. Source: OCI image-spec, config.md, "Layer ChainID". */
function chainIds(diffIds: readonly Digest[]): Digest[] {
  const chain: Digest[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`))
  }
  return chain
}

/** A file's content by its size, or anything else in the tar as it is, base64. */
const recordSchema = z.union([
  z.object({ type: z.literal(1), size: z.number().int().nonnegative().default(0) }),
  z.object({ type: z.literal(2), payload: z.base64() }),
])

/** Size of the tar that the record describes. @throws HeadstartError E_ENGINE: it is not such a record */
async function tarBytes(record: string): Promise<number> {
  const file = await openRegular(record)
  let bytes = 0
  for await (const line of createInterface({
    input: file.createReadStream().pipe(createGunzip()),
  })) {
    const entry = parseJson(line, recordSchema, { code: 'E_ENGINE', what: `the record ${record}` })
    bytes += entry.type === 1 ? entry.size : Buffer.byteLength(entry.payload, 'base64')
  }
  return bytes
}
