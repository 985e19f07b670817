/** What the machine's settings of the stargz snapshotter mean for a measurement. Its daemon reads them wherever it is started. */
import { readSettings } from '../../../system/files/read-whole.ts'

const FILE = '/etc/containerd-stargz-grpc/config.toml'

/** @returns what to add to the line that says what was found; empty when nothing of note is set, or nothing can be read */
export async function settingsNote(file: string = FILE): Promise<string> {
  const text = await readSettings(file).catch(() => '')
  return readsWholeFiles(text) ? `; it fetches a file whole when it is opened (passthrough in ${file})` : ''
}

/** @param toml its configuration file; `passthrough` is in the table `fuse` */
export function readsWholeFiles(toml: string): boolean {
  let table = ''
  for (const line of toml.split('\n')) {
    table = /^\s*\[+\s*([^\]]*?)\s*\]/.exec(line)?.[1] ?? table
    const [, name, value] = /^\s*([\w.]+)\s*=\s*(\w+)/.exec(line) ?? []
    if (value === 'true' && [table, name].filter(Boolean).join('.') === 'fuse.passthrough') return true
  }
  return false
}
