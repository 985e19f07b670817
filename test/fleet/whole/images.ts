/** Forty small images in eight repositories, two of which can't be brought up to date; and the `fleet.yaml` that is about them. */
import { join } from 'node:path'
import { busyboxLayer, writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

const IN_PLACE = 'shop/web'
const REPOSITORIES = [IN_PLACE, ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `team/${name}`)]
export const TAGS = ['v1', 'v2', 'v3', 'v4', 'v5'] as const
export type Tag = (typeof TAGS)[number]

/** Never ready, and over its budget. */
export const UNREADY = 'team/f:v5'
export const HEAVY = 'team/g:v5'

/** `repository:tag` of one tag in all repositories. */
export const namesOf = (tag: Tag): string[] => REPOSITORIES.map((repository) => `${repository}:${tag}`)
export const NAMES: readonly string[] = TAGS.flatMap(namesOf)

/** What becomes right, and under which name. */
export const TARGETS: ReadonlyMap<string, string> = new Map(
  NAMES.filter((name) => name !== UNREADY && name !== HEAVY).map((name) => [
    name,
    name.startsWith(IN_PLACE) ? name : `${name}-esgz`,
  ]),
)

/** @param host of the registry */
export const fleetYaml = (host: string): string => `version: 1
registry: ${host}
defaults: { ready: { log: started, timeout: 5m } }
images:
  - { repositories: [team/f], tags: [v5], ready: { log: started, timeout: 2s } }
  - { repositories: [team/g], tags: [v5], budget: { prefetch: 1KB } }
  - { repositories: ['shop/*'], tags: ['v*'], target: '{repository}:{tag}' }
  - { repositories: ['team/*'], tags: ['v*'] }
`

/** In the command line of every container of these, and of no others on this machine. */
export const MARK = `one-of-a-fleet-${process.pid}`

/** @returns the source text of each by name */
export async function makeImages(folder: string): Promise<ReadonlyMap<string, string>> {
  const root = await busyboxLayer()
  const made = new Map<string, string>()
  for (const name of NAMES) {
    const said = name === UNREADY ? 'something else' : 'started'
    const app = [file('app.txt', name.repeat(100)), file('unread.txt', `not read: ${name}`)]
    const image = await writeImage(join(folder, name.replace(/[/:]/g, '-')), {
      layers: [root, app],
      config: {
        Env: ['PATH=/bin'],
        Cmd: ['/bin/sh', '-c', `cat /app.txt > /dev/null; echo ${said}; sleep 600; : ${MARK}`],
      },
    })
    made.set(name, image)
  }
  return made
}
