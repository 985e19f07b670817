/** Folders of a test, unmounted and removed when it ends. */
import { chmod, mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFolder } from '../../system/workspace.ts'

export interface TempFolder extends AsyncDisposable {
  readonly path: string
  sub(name: string): Promise<string>
}

/** On a disk: overlayfs needs one for its upper folder. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await mkdtemp('/var/tmp/hs-test-')
  return {
    path,
    async sub(name) {
      const folder = join(path, name)
      await mkdir(folder, { recursive: true })
      return folder
    },
    async [Symbol.asyncDispose]() {
      await chmod(path, 0o700).catch(() => {}) // a folder that others may enter is not removed
      await removeFolder(path)
    },
  }
}
