/** The images of scripts/demo-image, a real start of each kind, made once and kept in .cache. */
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../system/command.ts'

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))
const MAKE = fileURLToPath(new URL('./make', import.meta.url))

export type DemoKind = 'webapp' | 'node' | 'nginx' | 'shell'

export interface DemoImage {
  /** The image as a source's text. */
  readonly image: string
  /** What its log says when it serves. */
  readonly ready: RegExp
}

const folderOf = (kind: DemoKind): string => `${CACHE}demo-${kind}`

const demo = (kind: DemoKind, ready: RegExp): DemoImage => ({ image: `oci:${folderOf(kind)}:latest`, ready })

export const demoImages: Readonly<Record<DemoKind, DemoImage>> = {
  webapp: demo('webapp', /Running on/),
  node: demo('node', /listening on/),
  nginx: demo('nginx', /start worker process/),
  shell: demo('shell', /^ready/m),
}

export const demoImage = demoImages.webapp.image
export const DEMO_READY = demoImages.webapp.ready

/** Before all tests: several files at once would make them several times. */
export async function setup(): Promise<void> {
  // The first makes the minimal Debian that all stand on.
  await runCommand(MAKE, [folderOf('shell'), 'shell'])
  await Promise.all(
    (['webapp', 'node', 'nginx'] as const).map((kind) => runCommand(MAKE, [folderOf(kind), kind])),
  )
}
