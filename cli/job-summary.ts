/** The page that GitHub shows of a job: a file that every step may add Markdown to, named by the job's environment. */
import { appendFile } from 'node:fs/promises'
import { messageOf } from '../system/errors.ts'
import type { Output } from './print/output.ts'

/** Nothing outside of a GitHub job. A page that can't be written is a warning: what it would show is in the log as well. */
export async function addToJobSummary(markdown: string, output: Output): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY
  if (file === undefined || file === '') return
  try {
    await appendFile(file, `${markdown.trimEnd()}\n\n`)
  } catch (error) {
    output.warn(`the job's summary can't be written: ${messageOf(error)}`)
  }
}
