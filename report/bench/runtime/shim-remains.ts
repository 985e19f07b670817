/**
 * What containerd's shims and clients leave in `/run/containerd` when they, or their containerd, are killed; and one empty folder when they
 * are not. All of it is named after the namespace and the container, which have the workspace's name.
 *
 * Source: containerd, runtime/v2/shim/util_unix.go (sockets), runtime/v2/runc/container.go (runc's state), cmd/ctr (pipes).
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../../../system/files/remove-tree.ts'

const FOLDER = '/run/containerd'

/**
 * Call it when nothing runs there any more. Does nothing where nothing is left, or where we may not.
 * @param id of the workspace
 * @param address of the socket of the containerd that ran it
 */
export async function removeShimRemains(id: string, address: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  await removeTree(join(FOLDER, 'runc', id))
  const socket = createHash('sha256')
    .update(join(address, id, id))
    .digest('hex')
  await rm(join(FOLDER, 's', socket), { force: true })
  for (const name of await namesIn(join(FOLDER, 'fifo'))) {
    const pipes = await namesIn(join(FOLDER, 'fifo', name))
    if (pipes.length > 0 && pipes.every((pipe) => pipe.startsWith(`${id}-`)))
      await removeTree(join(FOLDER, 'fifo', name))
  }
}

const ADDRESS = /^unix:\/\/(\/run\/containerd\/s\/[0-9a-f]{64})$/

/**
 * The same for an engine's own containerd, whose shims note in the engine's folder where their sockets are. Call it before that is removed.
 * @param folder the engine's `--exec-root`, which nobody else can enter
 */
export async function removeEngineSockets(folder: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const tasks = join(folder, 'containerd/daemon/io.containerd.runtime.v2.task/moby')
  for (const name of await namesIn(tasks)) {
    const text = await readFile(join(tasks, name, 'address'), 'utf8').catch(() => '')
    const [, socket] = ADDRESS.exec(text) ?? []
    if (socket !== undefined) await rm(socket, { force: true })
  }
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
