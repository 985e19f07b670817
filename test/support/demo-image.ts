/** The demo's image (Debian, Python with numpy and Flask, a web app: three layers), made once and kept in .cache. */
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../image/command.ts'

const FOLDER = fileURLToPath(new URL('../../.cache/demo-image', import.meta.url))

export const demoImage = `oci:${FOLDER}:latest`

/** What its log says when it serves. */
export const DEMO_READY = /Running on/

/** Before all tests: several files at once would make it several times. */
export async function setup(): Promise<void> {
  await runCommand(fileURLToPath(new URL('../../scripts/demo-image/make', import.meta.url)), [FOLDER])
}
