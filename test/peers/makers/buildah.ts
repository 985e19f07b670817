/** An image as buildah and podman of Debian 13 push it: zstd:chunked. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../../../system/process/command.ts'
import { debianRoot, enterRoot } from '../debian-root.ts'

/** $1 a layout with the base, $2 where the result goes, $3 its command, $4 the client; in a storage of its own. */
const BUILD = `
set -e
storage="--root $PWD/storage --runroot $PWD/run --storage-driver vfs"
buildah $storage pull -q "oci:$1:latest" >id
container=$(buildah $storage from "$(cat id)")
buildah $storage copy -q $container files /srv
buildah $storage config --cmd "$3" $container
buildah $storage commit -q $container built
$4 $storage push -q --compression-format zstd:chunked --force-compression built "oci:$2:v1"`

export const podmanRoot = (): Promise<string> =>
  debianRoot('podman-trixie', 'trixie', ['buildah', 'podman', 'skopeo', 'crun', 'netavark'])

/** Runs a shell's line in the root, on this machine's network. @param store a folder with a storage.conf, shared with the root */
export async function withPodman(root: string, store: string, line: string): Promise<string> {
  const script = `export CONTAINERS_STORAGE_CONF=${store}/storage.conf; ${line}`
  const [program = '', ...rest] = enterRoot(root, store, ['sh', '-c', script], { network: 'host' })
  return runCommand(program, rest)
}

/**
 * @param folder with the layout `base` and the folder `files`, which comes to /srv
 * @param command as JSON
 * @returns reference in a layout
 */
export async function buildZstdChunked(
  folder: string,
  command: string,
  client: 'buildah' | 'podman',
): Promise<string> {
  const root = await podmanRoot()
  const work = join(folder, client)
  await mkdir(work)
  const out = join(work, 'out')
  const script = `cd ${work}; ln -s ${folder}/files files; ${BUILD}`
  const args = [join(folder, 'base'), out, command, client]
  const [program = '', ...rest] = enterRoot(root, folder, ['sh', '-c', script, 'sh', ...args])
  await runCommand(program, rest)
  return `oci:${out}:v1`
}
