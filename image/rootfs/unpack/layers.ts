/**
 * Unpacks layers into a folder as containerd does: whiteouts are applied, no path leaves the folder, and owners, modes, times, links, devices
 * and extended attributes are what the layers say. The bytes are checked against the layer's digest and its diffID.
 */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { diskFull, explained, HeadstartError, isDiskFull } from '../../../system/errors.ts'
import { compressionError, decompress } from '../../compression/decompress.ts'
import { isElsewhere } from '../../media-types.ts'
import { type Progress, watchBlob } from '../../progress.ts'
import { TarScanner } from '../../tar/scan.ts'
import type { Digest, Image, Layer } from '../../types.ts'
import { LayerWriter } from './writer.ts'

export interface UnpackProgress {
  /** of how many, base first, from 0 */
  readonly layer: number
  readonly layers: number
  /** bytes as stored, of all layers together */
  readonly done: number
  readonly total: number
}

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: UnpackProgress) => void) | undefined
  /** called at most once, with what is missing in the folder but is no reason to fail */
  readonly onWarning?: ((text: string) => void) | undefined
  /** how long each layer took, from its first byte asked for, and its bytes as stored; base first */
  readonly onLayer?: ((layer: Layer, took: { ms: number }) => void) | undefined
}

/** After this many bytes the event loop gets its turn: a few bytes may unpack to endless content. */
const TURN_BYTES = 64 << 20
/** An entry takes as long as this many bytes, and a hostile one longer. */
const ENTRY_BYTES = 256 << 10

/**
 * @param folder exists; made to hold the image's root, over what is in it
 * @throws HeadstartError E_DISK_FULL, E_UNPACK, E_TAR, E_PATH, E_DIGEST, E_COMPRESSION; the folder is then half-filled, and its owner removes it
 */
export async function unpackLayers(
  image: Pick<Image, 'layers'>,
  folder: string,
  options: UnpackOptions = {},
): Promise<void> {
  const writer = new LayerWriter(resolve(folder))
  const watch = watcherOf(image, options)
  for (const [index, layer] of image.layers.entries()) {
    const started = performance.now()
    await unpackLayer(watch(layer, index), writer, options.signal).catch((error: unknown) => {
      throw isDiskFull(error) ? diskFull(resolve(folder), error, ` for ${whatIs(layer)}`) : error
    })
    options.onLayer?.(layer, { ms: performance.now() - started })
  }
  const warning = writer.finish()
  if (warning !== undefined) options.onWarning?.(warning)
}

const whatIs = ({ descriptor }: Layer): string => `the layer ${descriptor.digest}`

/** Layers are unpacked one after the other. */
function watcherOf(
  { layers }: Pick<Image, 'layers'>,
  { onProgress }: UnpackOptions,
): (layer: Layer, index: number) => Layer {
  if (!onProgress) return (layer) => layer
  const sizes = layers.map(({ descriptor }) => descriptor.size)
  const sum = (of: readonly number[]) => of.reduce((all, size) => all + size, 0)
  const total = sum(sizes)
  return (layer, index) => {
    const before = sum(sizes.slice(0, index))
    const tell = ({ done }: Progress) =>
      onProgress({ layer: index, layers: sizes.length, done: before + done, total })
    return { ...layer, ...watchBlob(layer, tell) }
  }
}

async function unpackLayer(
  layer: Layer,
  writer: LayerWriter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = await openHere(layer, signal)
  const hash = createHash('sha256')
  const scanner = new TarScanner()
  let sinceTurn = 0
  try {
    const { stream } = await decompress(source)
    for await (const bytes of stream) {
      signal?.throwIfAborted()
      hash.update(bytes)
      for (const event of scanner.push(bytes)) {
        if (event.kind === 'entry') writer.entry(event.entry)
        else writer.data(event.bytes)
        sinceTurn += event.kind === 'entry' ? ENTRY_BYTES : event.bytes.length
        if (sinceTurn < TURN_BYTES) continue
        sinceTurn = 0
        await writer.relieve(signal)
        await nextTurn()
        signal?.throwIfAborted()
      }
    }
    scanner.finish()
    checkDiffId(`sha256:${hash.digest('hex')}`, layer)
    await writer.endLayer(signal)
  } catch (error) {
    writer.abandon()
    signal?.throwIfAborted()
    if (isDiskFull(error)) throw error
    const what = whatIs(layer)
    throw explained(compressionError(error, what), 'E_UNPACK', `${what} can't be unpacked`)
  }
}

/** The image may contain a foreign layer all the same; when it doesn't, the error says where its bytes are. */
async function openHere(layer: Layer, signal: AbortSignal | undefined): Promise<Readable> {
  try {
    return await layer.open(undefined, signal)
  } catch (cause) {
    signal?.throwIfAborted()
    const { digest, urls = [] } = layer.descriptor
    if (!isElsewhere(layer.descriptor)) throw cause
    throw new HeadstartError(
      'E_UNPACK',
      `the layer ${digest} is not in the image: its bytes are at ${urls.join(', ')}`,
      {
        cause,
        hint: 'Use an image that includes its foreign layers',
      },
    )
  }
}

function checkDiffId(found: Digest, { diffId, descriptor }: Layer): void {
  if (found === diffId) return
  throw new HeadstartError(
    'E_DIGEST',
    `the layer ${descriptor.digest} unpacks to ${found}; the config says ${diffId}`,
  )
}
