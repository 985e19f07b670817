/**
 * What a container gets as its root: the image's layers as a read-only tree, the (recording) FUSE mount over it, and a writable
 * overlay over that. Everything lies in the workspace, and is taken down in reverse.
 *
 * On the overlay setuid programs and devices work, as a container's root needs: the workspace keeps other users out of it.
 */
import { stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { unmountBelow } from '../../system/mounts.ts'
import { runCommand } from '../../system/process/command.ts'
import type { Workspace } from '../../system/workspace.ts'
import { type Mount, type MountOptions, mountFileSystem, type ServerName, type TreeSpec } from './mount.ts'

export interface Rootfs extends AsyncDisposable {
  /** writable */
  readonly folder: string
  /** the same tree where reads are not recorded, if there is one; else `folder` */
  readonly plain: string
  readonly mount: Mount
}

export interface RootfsOptions {
  readonly workspace: Workspace
  /** a folder on disk, or a tree that is fetched when read */
  readonly tree: { readonly folder: string } | Extract<TreeSpec, { kind: 'lazy' }>
  readonly record: boolean
  readonly server?: ServerName
  readonly readaheadKiB?: number
  readonly onAsked?: MountOptions['onAsked']
  readonly signal?: AbortSignal
}

/** @throws HeadstartError E_OVERLAY, and what `mountFileSystem` throws */
export async function stackRootfs(options: RootfsOptions): Promise<Rootfs> {
  const { workspace, tree } = options
  await using stack = new AsyncDisposableStack()
  const mount = stack.use(
    await mountFileSystem({
      mountPoint: await workspace.sub('fuse'),
      tree: 'folder' in tree ? { kind: 'directory', folder: tree.folder } : tree,
      record: options.record,
      ...(options.server && { server: options.server }),
      ...(options.readaheadKiB !== undefined && { readaheadKiB: options.readaheadKiB }),
      ...(options.onAsked && { onAsked: options.onAsked }),
      ...(options.signal && { signal: options.signal }),
    }),
  )
  const { folder } = stack.use(await mountWritable(workspace, mount.folder))
  const owned = stack.move()
  return {
    folder,
    plain: 'folder' in tree ? tree.folder : folder,
    mount,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Setuid programs and devices work on the overlay, so other users must not be able to reach it. */
async function ensurePrivate({ folder }: Workspace): Promise<void> {
  const { mode, uid } = await stat(folder)
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.())
    throw new HeadstartError(
      'E_OVERLAY',
      `other users can enter ${folder}, which will hold the container's root`,
      {
        hint: `Restrict it to its owner: chmod 700 ${folder}`,
      },
    )
}

/** A writable overlay over the folder `lower`, its changes in the workspace. */
export async function mountWritable(
  workspace: Workspace,
  lower: string,
): Promise<AsyncDisposable & { readonly folder: string }> {
  await ensurePrivate(workspace)
  const folder = await workspace.sub('root')
  const changes = await workspace.sub('changes')
  await workspace.sub('changes/upper')
  await workspace.sub('changes/work')
  await symlink(lower, join(changes, 'lower'))
  await mountOverlay(changes, ['lowerdir=lower', 'upperdir=upper', 'workdir=work'], folder)
  return { folder, [Symbol.asyncDispose]: () => unmountBelow(folder) }
}

/**
 * Layer folders of an engine as one read-only tree.
 * @param folders topmost first, as overlayfs expects them, and with overlayfs's own whiteouts
 */
export async function mountLayers(workspace: Workspace, folders: readonly string[]): Promise<string> {
  const [only] = folders
  if (only !== undefined && folders.length === 1) return only // overlayfs requires two, and a single one needs no overlay
  const links = await workspace.sub('layers')
  // Short names: all mount options together must fit in a page, and images may have more than a hundred layers.
  await Promise.all(folders.map((folder, index) => symlink(folder, join(links, String(index)))))
  const target = await workspace.sub('image')
  await mountOverlay(links, ['ro', `lowerdir=${folders.map((_, index) => index).join(':')}`], target)
  return target
}

/** Names in the options are relative to `folder`, so that no character of a path can be mistaken for a separator. */
async function mountOverlay(folder: string, options: readonly string[], target: string): Promise<void> {
  try {
    await runCommand('mount', ['-t', 'overlay', '-o', options.join(','), 'headstart', target], {
      cwd: folder,
    })
  } catch (cause) {
    throw new HeadstartError('E_OVERLAY', `the overlay could not be mounted: ${messageOf(cause)}`, {
      cause,
      hint: 'The folder for temporary files must be on a disk file system: set HEADSTART_TMPDIR',
    })
  }
}
