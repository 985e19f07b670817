/** The one document that a command is asked for: in a file, or with `-o -` on stdout, where nothing else is printed then. */
import { ensureWritable, writeWhole } from '../../system/files/atomic-file.ts'
import type { Lines, Output } from './output.ts'

const isStdout = (file: string): boolean => file === '-'

/** For what is written at the end of long work. @throws HeadstartError E_FILE: it can't be written there */
export async function ensureDocument(file: string): Promise<void> {
  if (!isStdout(file)) await ensureWritable(file)
}

/**
 * @param about what is said of it once it is written, from where it was written to
 * @throws HeadstartError E_DISK_FULL, E_FILE
 */
export async function writeDocument(
  {
    file,
    text,
    about,
  }: { readonly file: string; readonly text: string; readonly about: (to: string) => Lines },
  output: Output,
): Promise<void> {
  if (isStdout(file)) {
    if (await output.document(text)) output.note(about('stdout'))
    return
  }
  await writeWhole(file, text)
  output.result(about(file))
}
