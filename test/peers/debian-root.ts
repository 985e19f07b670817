/** Programs of a newer Debian: in a root of its own, made once and kept in .cache. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../system/process/command.ts'

/** @param name of the folder in .cache. @returns its path */
export async function debianRoot(
  name: string,
  release: string,
  packages: readonly string[],
): Promise<string> {
  const root = fileURLToPath(new URL(`../../.cache/${name}`, import.meta.url))
  if (existsSync(root)) return root
  await mkdir(dirname(root), { recursive: true })
  const made = await mkdtemp(`${root}.`)
  const options = [
    '--variant=minbase',
    `--include=${packages.join(',')}`,
    '--dpkgopt=force-unsafe-io',
    '--dpkgopt=path-exclude=/usr/share/doc/*',
  ]
  await runCommand('mmdebstrap', [...options, release, made])
  // Whoever comes second keeps the first one's.
  await rename(made, root).catch(() => rm(made, { recursive: true, force: true }))
  return root
}

/** $1 the root, $2 a folder that it shares, then the command: in namespaces of its own. The root has to be a mount, or runc can't leave it. */
const ENTER = `
set -e
root=$1 shared=$2
shift 2
mount --bind "$root" "$root"
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
mount -t tmpfs none "$root/run"
mkdir -p "$root$shared"
mount --rbind "$shared" "$root$shared"
ip link set lo up
exec chroot "$root" "$@"`

/** The command line that runs a command in the root, without a network unless told, ended with this process. */
export const enterRoot = (
  root: string,
  shared: string,
  command: readonly string[],
  { network = 'none' }: { readonly network?: 'none' | 'host' } = {},
): string[] => [
  ...['setpriv', '--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'slave'],
  ...(network === 'none' ? ['--net'] : []),
  ...['sh', '-c', ENTER, 'sh', root, shared, ...command],
]
