/** The files that a layer is spooled into: made when it is, removed when it has been sent. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppendFile } from './append-file.ts'
import type { LayerFiles } from './spooled-layer.ts'

export type OpenLayerFiles = LayerFiles & AsyncDisposable

/** @param name unique in the folder while the files are there. Disposing removes them, and may be repeated. */
export async function openLayerFiles(folder: string, name: string): Promise<OpenLayerFiles> {
  await using opened = new AsyncDisposableStack()
  const create = async (kind: string): Promise<AppendFile> => {
    const file = await AppendFile.create(join(folder, `${name}.${kind}`))
    opened.defer(() => rm(file.path, { force: true }))
    return opened.use(file)
  }
  const [spool, members] = [await create('tar'), await create('members')]
  const files = opened.move()
  return { spool, members, [Symbol.asyncDispose]: () => files.disposeAsync() }
}
