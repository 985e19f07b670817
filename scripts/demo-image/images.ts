/** The images of scripts/demo-image, a real start of each kind, made once, by the first that needs them, and kept in .cache. */
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../system/process/command.ts'

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))
const MAKE = fileURLToPath(new URL('./make', import.meta.url))

export type DemoKind = 'webapp' | 'node' | 'nginx' | 'jvm' | 'postgres' | 'shell'

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
  jvm: demo('jvm', /Server startup in/),
  postgres: demo('postgres', /ready to accept connections/),
  shell: demo('shell', /^ready/m),
}

/** Makes the image unless it is there: whoever uses it asks for it first. Two processes may do so at once. */
export async function makeDemoImage(kind: DemoKind): Promise<DemoImage> {
  await runCommand(MAKE, [folderOf(kind), kind])
  return demoImages[kind]
}

/** Making one takes minutes where it is not there: a limit for a test's hook, which only catches a hang. */
export const MAKING_MS = 20 * 60_000
