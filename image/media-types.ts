/** The media types of images, OCI's and Docker's, and what each means. A type that isn't listed here is refused by name. */
import { HeadstartError } from '../system/errors.ts'
import type { Descriptor } from './types.ts'

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER_TAR = 'application/vnd.oci.image.layer.v1.tar'
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_LAYER_TAR = 'application/vnd.docker.image.rootfs.diff.tar'
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

/** The types that are accepted in response to a request for a manifest. */
export const MANIFEST_TYPES = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST] as const

export type Compression = 'none' | 'gzip' | 'zstd'

interface LayerKind {
  readonly compression: Compression
  /** not to be pushed: its bytes are at the descriptor's `urls` */
  readonly foreign: boolean
}

const NONDISTRIBUTABLE = 'application/vnd.oci.image.layer.nondistributable.v1.tar'

const layerKinds: ReadonlyMap<string, LayerKind> = new Map([
  [OCI_LAYER_TAR, { compression: 'none', foreign: false }],
  [OCI_LAYER_GZIP, { compression: 'gzip', foreign: false }],
  [OCI_LAYER_ZSTD, { compression: 'zstd', foreign: false }],
  [DOCKER_LAYER_TAR, { compression: 'none', foreign: false }],
  [DOCKER_LAYER_GZIP, { compression: 'gzip', foreign: false }],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', { compression: 'zstd', foreign: false }],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar', { compression: 'none', foreign: true }],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', { compression: 'gzip', foreign: true }],
  [NONDISTRIBUTABLE, { compression: 'none', foreign: true }],
  [`${NONDISTRIBUTABLE}+gzip`, { compression: 'gzip', foreign: true }],
  [`${NONDISTRIBUTABLE}+zstd`, { compression: 'zstd', foreign: true }],
])

/** @throws HeadstartError E_MEDIA_TYPE: not a layer that can be unpacked here */
export function layerKind(mediaType: string): LayerKind {
  const kind = layerKinds.get(mediaType)
  if (kind) return kind
  throw unknownMediaType('a layer', mediaType)
}

export const isLayerType = (mediaType: string): boolean => layerKinds.has(mediaType)
export const isForeign = (mediaType: string): boolean => layerKinds.get(mediaType)?.foreign ?? false
/** A layer that stays where its `urls` say: it is neither read nor sent. */
export const isElsewhere = ({ mediaType, urls }: Pick<Descriptor, 'mediaType' | 'urls'>): boolean =>
  isForeign(mediaType) && urls !== undefined && urls.length > 0
export const isIndexType = (mediaType: string): boolean =>
  mediaType === OCI_INDEX || mediaType === DOCKER_LIST
export const isManifestType = (mediaType: string): boolean =>
  mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST
export const isConfigType = (mediaType: string): boolean =>
  mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG

/** @param what with its article: `a layer`, `the config` */
export function unknownMediaType(what: string, mediaType: string): HeadstartError {
  const shown = JSON.stringify(mediaType.slice(0, 200))
  if (mediaType.includes('manifest.v1+'))
    return new HeadstartError('E_MEDIA_TYPE', `${what} has the retired media type ${shown}`, {
      hint: 'Schema 1 manifests are not supported; push the image again with a current tool',
    })
  if (mediaType.endsWith('+encrypted'))
    return new HeadstartError(
      'E_MEDIA_TYPE',
      `${what} is encrypted (${shown}): without its key it can't be read`,
      {
        hint: 'Optimize the image before it is encrypted; a node pulls encrypted layers whole',
      },
    )
  return new HeadstartError(
    'E_MEDIA_TYPE',
    `${what} has the media type ${shown}, which is not an image media type`,
  )
}
