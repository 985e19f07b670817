/** The mounts of this machine, and how to remove them. */
import { readFile } from 'node:fs/promises'
import { tryCommand } from './process/command.ts'

/** Mount points at or below `folder`, deepest (latest) first. Pure: `table` is /proc/self/mountinfo's text. */
export function mountsBelow(table: string, folder: string): string[] {
  return table
    .split('\n')
    .flatMap(pointOf)
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse()
}

/** The mount that a path lies in, by its point. Pure: `table` is /proc/self/mountinfo's text. */
export const mountHolding = (table: string, path: string): string =>
  table
    .split('\n')
    .flatMap(pointOf)
    .filter((point) => path === point || path.startsWith(`${point}/`))
    .reduce((longest, point) => (point.length > longest.length ? point : longest), '/')

/**
 * Mount points of a file system's type that have an option (`user_id=0`). Pure: `table` is /proc/self/mountinfo's text, where both
 * come after a lone dash.
 */
export const mountsOfType = (table: string, type: string, option: string): string[] =>
  table
    .split('\n')
    .filter((line) => {
      const [found, , options = ''] = line.slice(line.indexOf(' - ') + 3).split(' ')
      return found === type && options.split(',').includes(option)
    })
    .flatMap(pointOf)

function pointOf(line: string): string[] {
  const point = line.split(' ')[4]
  return point === undefined ? [] : [withoutEscapes(point)]
}

/** `\040` is a space: the way the kernel and attr's tools write bytes that would break a line of text. */
export const withoutEscapes = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** A mount that is busy, or whose server is dead, is detached lazily. */
export async function unmount(point: string): Promise<void> {
  // A terminal's Ctrl-C reaches this program, too.
  const isDone = await tryCommand('umount', [point]).then(
    ({ status }) => status === 0,
    () => false,
  )
  if (!isDone) await tryCommand('umount', ['-l', point])
}

const currentMounts = (): Promise<string> => readFile('/proc/self/mountinfo', 'utf8')

/** @param folder an absolute path without symlinks */
export const isMountPoint = async (folder: string): Promise<boolean> =>
  mountsBelow(await currentMounts(), folder).includes(folder)

/** Unmounts all below `folder`. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of mountsBelow(await currentMounts(), folder)) await unmount(point)
}
