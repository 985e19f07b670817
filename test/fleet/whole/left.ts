/** What a fleet has left behind. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Docker from 'dockerode'
import { MARK } from './images.ts'
import { processes } from './processes.ts'

/** Containers of our images, in the engine or on runc. */
export async function containersLeft(): Promise<string[]> {
  const known = await new Docker().listContainers({ all: true })
  return [
    ...known.filter(({ Command }) => Command.includes(MARK)).map(({ Id }) => Id),
    ...(await processes()).map(({ words }) => words.join(' ')).filter((line) => line.includes(MARK)),
  ]
}

/** Of all files. */
export async function textBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'))
  return (await Promise.all(texts)).join('\n')
}
