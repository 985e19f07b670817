/** A container's root as a folder of this machine: only paths that are resolved have a place in it. */
import { expect, test } from 'vitest'
import { bytePathOf, RootFolder } from '../../../system/files/secure-join.ts'
import { tempFolder } from '../../support/temp.ts'

test.each(['.', '..', 'a/..', 'a/.', 'a//b', '/a', 'a/', 'a/../b'])(
  'a path that was not resolved has no place on the host: %j',
  async (path) => {
    await using temp = await tempFolder()
    const root = new RootFolder(temp.path)
    expect(() => root.hostPath(bytePathOf(path))).toThrow(expect.objectContaining({ code: 'E_PATH' }))
    expect(() => root.stat(path)).toThrow(/is not resolved/)
  },
)
