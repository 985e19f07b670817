/** The mounts of this machine below a folder, and how to be rid of them. */
import { readFile } from 'node:fs/promises'
import { tryCommand } from './command.ts'

/** Mount points at or below `folder`, deepest (latest) first. Pure: `table` is /proc/self/mountinfo's text. */
export function mountsBelow(table: string, folder: string): string[] {
  return table
    .split('\n')
    .flatMap((line) => {
      const point = line
        .split(' ')[4]
        ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
      return point !== undefined && (point === folder || point.startsWith(`${folder}/`)) ? [point] : []
    })
    .reverse()
}

/** Unmounts all below `folder`; a mount that is busy, or whose server is dead, is detached. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder)) {
    const { status } = await tryCommand('umount', [point])
    if (status !== 0) await tryCommand('umount', ['-l', point])
  }
}
