/** Whether a Docker engine takes an image: the judge of layers that are odd. What it took is removed again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand, tryCommand } from '../../system/process/command.ts'

/** @returns what the engine complains of; '' when it took the image */
export async function dockerLoad(reference: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hs-load-'))
  try {
    const archive = join(folder, 'image.tar')
    await runCommand('skopeo', ['copy', '-q', reference, `docker-archive:${archive}`])
    const { status, stdout, stderr } = await tryCommand('docker', ['load', '-q', '-i', archive])
    const loaded = /Loaded image(?: ID)?: (\S+)/.exec(stdout)?.[1]
    if (loaded !== undefined) await tryCommand('docker', ['rmi', loaded])
    return status === 0 ? '' : (stdout + stderr).trim()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
