/** The host's side of binds, before a container starts: created where docker run would create it; otherwise a missing one is reported in one line. */
import { HeadstartError, messageOf } from '../../../system/errors.ts'
import { exists } from '../../../system/files/exists.ts'
import { makeFolder } from '../../../system/files/make-folder.ts'
import type { Bind } from './run-options.ts'

/** @throws HeadstartError E_OPTION */
export async function prepareBindSources(binds: readonly Bind[]): Promise<void> {
  for (const { type, source, create = false } of binds) {
    if (type !== 'bind' || (await exists(source))) continue
    if (!create)
      throw new HeadstartError('E_OPTION', `${source} does not exist on this machine`, {
        hint: 'Create it, or use -v HOST:CONTAINER, which does',
      })
    await makeFolder(source).catch((cause: unknown) => {
      throw new HeadstartError('E_OPTION', `-v ${source} can't be created: ${messageOf(cause)}`, { cause })
    })
  }
}
