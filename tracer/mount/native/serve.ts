/**
 * Serves a file system through fuse-native. It names files by path, so paths are resolved to nodes here. The library works
 * with text and would lose names that are not UTF-8; libfuse's iconv module maps each byte to one character on the way in, and back on
 * the way out, so that text here is byte text, as everywhere.
 */
import type Fuse from 'fuse-native'
import { codeOf, HeadstartError, messageOf } from '../../../system/errors.ts'
import type { FileSystem } from '../file-system.ts'
import type { MountSpec } from '../messages.ts'
import { rawOperations } from './operations.ts'

/** The image can't change, so the kernel may cache answers. */
const CACHE_SECONDS = 3600

/**
 * Mounts `fileSystem` on an empty folder.
 * @throws HeadstartError E_LIBFUSE: fuse-native doesn't load; E_FUSE: the mount failed
 */
export async function serveNative(
  fileSystem: FileSystem,
  { mountPoint, allowOther }: Pick<MountSpec, 'mountPoint' | 'allowOther'>,
): Promise<void> {
  const FuseClass = await loadFuse()
  const operations = pathOperations(fileSystem)
  const fuse = new FuseClass(mountPoint, operations, {
    allowOther,
    defaultPermissions: true,
    kernelCache: true,
    entryTimeout: CACHE_SECONDS,
    attrTimeout: CACHE_SECONDS,
    timeout: false,
    modules: 'iconv',
    // The library has no names for the other options, so they are appended to this one.
    fsname: `headstart,subtype=headstart,nodev,nosuid,ro,use_ino,from_code=UTF-8,to_code=ISO-8859-1,negative_timeout=${CACHE_SECONDS}`,
  })
  Object.assign(fuse, rawOperations(fileSystem))
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) =>
      error
        ? reject(new HeadstartError('E_FUSE', `the FUSE mount failed: ${messageOf(error)}`, { cause: error }))
        : resolve(),
    )
  })
}

/** @throws HeadstartError E_LIBFUSE: it doesn't load, or npm left it out, as it does where libfuse is missing when it is installed */
export async function loadFuse(): Promise<typeof Fuse> {
  try {
    return (await import('fuse-native')).default
  } catch (cause) {
    if (codeOf(cause) === 'ERR_MODULE_NOT_FOUND')
      throw new HeadstartError(
        'E_LIBFUSE',
        'fuse-native is not installed: npm leaves it out where libfuse 2 is missing',
        {
          cause,
          hint: 'Install libfuse2, then headstart again, or use --fuse kernel, which needs neither',
        },
      )
    const missing = messageOf(cause).includes('libfuse')
    throw new HeadstartError('E_LIBFUSE', `fuse-native doesn't load: ${messageOf(cause)}`, {
      cause,
      hint: missing
        ? 'Install libfuse 2 (apt-get install libfuse2), or use --fuse kernel, which does not need it'
        : 'Rebuild it with: npm rebuild',
    })
  }
}

/** Only the operations named here reach us; without those for xattrs the kernel stops asking after the first time. */
function pathOperations(fileSystem: FileSystem): Record<string, unknown> {
  const names = ['getattr', 'readdir', 'readlink', 'open', 'read', 'statfs']
  const xattrs = fileSystem.withoutXattrs ? [] : ['getxattr', 'listxattr']
  return Object.fromEntries([...names, ...xattrs].map((name) => [name, true]))
}
