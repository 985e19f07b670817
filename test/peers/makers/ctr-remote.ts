/** An image that Debian's `ctr-remote images convert` converted. */
import { join } from 'node:path'
import type { Containerd } from '../../../scripts/support/containerd.ts'
import { runCommand } from '../../../system/process/command.ts'

/** @returns reference in a layout */
export async function convertWith(
  containerd: Containerd,
  original: string,
  { format, folder }: { readonly format: 'estargz' | 'zstdchunked'; readonly folder: string },
): Promise<string> {
  const [before, after] = [join(folder, `${format}-before.tar`), join(folder, `${format}-after.tar`)]
  const out = `oci:${join(folder, format)}:v1`
  await runCommand('skopeo', ['copy', '-q', original, `oci-archive:${before}:latest`])
  await containerd.ctr('images', 'import', '--base-name', `made/${format}`, before)
  await containerd.ctr(
    'images',
    'convert',
    `--${format}`,
    '--oci',
    `made/${format}:latest`,
    `made/${format}:after`,
  )
  await containerd.ctr('images', 'export', after, `made/${format}:after`)
  await runCommand('skopeo', ['copy', '-q', `oci-archive:${after}`, out])
  return out
}
