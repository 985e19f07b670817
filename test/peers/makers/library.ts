/** An image whose layers the format's own library wrote, each release in its turn: estargz.Build, which kaniko and ko call too. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { digestOf } from '../../../image/digest.ts'
import { TOC_DIGEST_ANNOTATION } from '../../../image/estargz/format/toc.ts'
import type { PeerSet } from '../../../scripts/support/peers.ts'
import { runCommand } from '../../../system/process/command.ts'
import { type LayerPart, Layout, OCI_LAYER } from '../../support/layout.ts'
import { type TarItem, tarOf } from '../../support/tar.ts'
import { buildOracle } from '../oracle/oracle.ts'

/** As its callers have it. */
const CHUNK_SIZE = 4 << 20

/** @returns reference in a layout at `folder` */
export async function buildWithLibrary(
  folder: string,
  spec: { readonly layers: readonly (readonly TarItem[])[]; readonly config: object },
  set: PeerSet,
): Promise<string> {
  const layout = new Layout(folder)
  await mkdir(folder)
  const [tar, blob] = [join(folder, 'layer.tar'), join(folder, 'layer')]
  const layers: LayerPart[] = []
  for (const items of spec.layers) {
    await writeFile(tar, await tarOf(items))
    const toc = await runCommand(await buildOracle(set), ['build', tar, blob, String(CHUNK_SIZE)])
    const bytes = await readFile(blob)
    layers.push({
      ...(await layout.put(bytes, `${OCI_LAYER}+gzip`)),
      diffId: digestOf(gunzipSync(bytes)),
      annotations: { [TOC_DIGEST_ANNOTATION]: toc.trim() },
    })
  }
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  return layout.finish(await layout.image(architecture, layers, { config: { config: spec.config } }))
}
