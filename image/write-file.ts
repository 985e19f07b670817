/** Writes a file that is whole or absent: beside, then renamed. */
import { rename, writeFile } from 'node:fs/promises'

export async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.${process.pid}.tmp`
  await writeFile(beside, text)
  await rename(beside, file)
}
