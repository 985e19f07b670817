/**
 * The closest peer: what `ctr-remote images optimize` makes of an image. A start is recorded with Debian's, since the newest `ctr-remote` can't
 * be built from its module; the layers are written by the newest release's library with the same calls, unless only Debian's is wanted.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../system/process/command.ts'
import { workspaceRoot } from '../../system/workspace.ts'
import { startContainerd } from './containerd.ts'
import { type CommandCost, measureCommand } from './measure.ts'
import { buildNewest } from './newest.ts'
import { type PeerSet, peerSets } from './peers.ts'

export interface Reference {
  /** for `openSource` */
  readonly image: string
  /** of converting alone, without the recording; unknown with Debian's, which does both at once */
  readonly cost?: CommandCost
}

/** Long enough for the slowest start of the demo images. */
const PERIOD_S = 6

/** Where the image lies. */
export const referenceFolder = (folder: string): string =>
  join(folder, `reference-${peerSets.at(-1) ?? 'debian'}`)

/** @param folder for the image and the record, which are kept for the next time */
export async function makeReference(original: string, folder: string): Promise<Reference> {
  const peers = peerSets.at(-1) ?? 'debian'
  const [record, to] = [join(folder, `record-${peers}.json`), referenceFolder(folder)]
  await mkdir(folder, { recursive: true })
  const made = { image: `oci:${to}:latest` }
  if (peers === 'debian') {
    if (!existsSync(record)) await recordAndConvert(original, { record, image: to })
    return made
  }
  if (!existsSync(record)) await recordAndConvert(original, { record })
  return { ...made, cost: await convertByLibrary(original, to, ['--record', record]) }
}

/** @param to a folder that is replaced by a layout with the image `latest` */
export async function convertByLibrary(
  original: string,
  to: string,
  options: readonly string[] = [],
): Promise<CommandCost> {
  const folder = await mkdtemp(join(workspaceRoot(), 'reference-'))
  try {
    const plain = join(folder, 'plain')
    await runCommand('skopeo', ['copy', '-q', original, `oci:${plain}:latest`])
    await rm(to, { recursive: true, force: true })
    return await measureCommand(join(await buildNewest('convert'), 'convert'), [...options, plain, to])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param to.image undefined: the record alone is wanted, so it converts fast */
async function recordAndConvert(
  original: string,
  to: { readonly record: string; readonly image?: string },
): Promise<void> {
  const folder = await mkdtemp(join(workspaceRoot(), 'reference-'))
  try {
    await using containerd = await startContainerd()
    const [before, after] = [join(folder, 'before.tar'), join(folder, 'after.tar')]
    const record = join(folder, 'record.json')
    await runCommand('skopeo', ['copy', '-q', original, `oci-archive:${before}:latest`])
    await containerd.ctr('images', 'import', '--base-name', 'figures', before)
    await containerd.ctr(
      ...['images', 'optimize', '--oci', '--net-host', '--period', String(PERIOD_S)],
      ...(to.image === undefined ? ['--estargz-compression-level', '1'] : []),
      ...['--record-out', record, 'figures:latest', 'figures:after'],
    )
    if (to.image !== undefined) {
      await containerd.ctr('images', 'export', after, 'figures:after')
      await runCommand('skopeo', ['copy', '-q', `oci-archive:${after}`, `oci:${to.image}:latest`])
    }
    // Last: what is there is not made again.
    await copyFile(record, to.record)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What writes its layers, as a person would say it. */
export const referenceName = (peers: PeerSet): string =>
  peers === 'debian' ? "Debian's ctr-remote" : "the newest release's library"
