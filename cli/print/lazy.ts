/** What `doctor IMAGE` prints: the layers as a node meets them, and why it would not pull them lazily. Pure. */
import type { LayerFacts, LazyFacts } from '../../image/lazy/examine.ts'
import type { Finding } from '../../image/lazy/findings.ts'
import { bytes, table } from './output.ts'

export function lazyLayers({ layers }: LazyFacts): string[] {
  if (layers.length === 0) return []
  const rows = layers.map((layer, index) => [
    `${index + 1} ${layer.digest.slice(7, 19)}`,
    bytes(layer.size),
    FORMATS[layer.format],
    tableOfContents(layer),
    layer.landmark ?? '',
    layer.zoneBytes === undefined ? '' : bytes(layer.zoneBytes),
    ranges(layer),
  ])
  return table(
    ['layer', 'size', 'format', 'table of contents', 'landmark', 'zone', 'ranges'],
    rows,
    [0, 2, 3, 4, 6],
  )
}

const FORMATS: Readonly<Record<LayerFacts['format'], string>> = {
  estargz: 'eStargz',
  'estargz+external-toc': 'eStargz, external TOC',
  'zstd:chunked': 'zstd:chunked',
  gzip: 'plain gzip',
  zstd: 'plain zstd',
  tar: 'plain tar',
  foreign: 'foreign',
  unread: 'not read',
}

function tableOfContents({ tocBytes, annotated, fault, format }: LayerFacts): string {
  if (tocBytes === undefined) return fault !== undefined && format !== 'unread' ? 'damaged' : ''
  const isKnown = annotated || format === 'zstd:chunked'
  return `${bytes(tocBytes)}, ${isKnown ? 'as annotated' : 'not annotated'}`
}

function ranges({ ranges: answer }: LayerFacts): string {
  if (answer === undefined) return ''
  const { status, redirects } = answer
  return redirects === 0
    ? String(status)
    : `${status} after ${redirects === 1 ? 'a redirect' : `${redirects} redirects`}`
}

/** @param count of the image's layers */
export function findingText({ layers, sentence }: Finding, count: number): string {
  if (layers.length === 0) return sentence
  if (layers.length === count) return `${count === 1 ? 'its layer' : 'all layers'}: ${sentence}`
  return `layer${layers.length === 1 ? '' : 's'} ${layers.map((index) => index + 1).join(', ')}: ${sentence}`
}
