/** What a fleet stands on: a registry that wants a login and notes what it is asked, and folders in which machines find that login. */
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSource } from '../../../image/sources.ts'
import { startRegistry, type TestRegistry } from '../../../scripts/support/registry.ts'
import { HeadstartError } from '../../../system/errors.ts'
import { copy } from '../../support/copy.ts'
import { startCountingProxy } from '../../support/counting-proxy.ts'
import { type Sandbox, sandbox } from '../../support/headstart.ts'
import { NOBODY } from '../../support/nobody.ts'
import { fleetYaml } from './images.ts'

export const LOGIN = { user: 'fleet', password: 'the-login-of-the-registry' } as const

export interface Ground extends AsyncDisposable {
  readonly registry: TestRegistry
  /** as the fleet knows it */
  readonly host: string
  /** As people do, who reach the registry by another name. @param name `repository:tag` */
  push(name: string, image: string): Promise<void>
  /** The same, of which the registry tells nobody. */
  pushSilently(name: string, image: string): Promise<void>
  /** @returns undefined: there is no such tag, or the registry can't read it */
  digestOf(name: string): Promise<string | undefined>
  /** `repository:tag` of images that the fleet has pushed, in order */
  pushed(): string[]
  machine(user?: 'root' | 'nobody'): Promise<Sandbox>
}

/** @param endpoints where the registry sends its notifications, as YAML */
export async function startGround(home: string, endpoints: readonly string[] = []): Promise<Ground> {
  await using own = new AsyncDisposableStack()
  const extra = `notifications: { endpoints: [${endpoints.join(', ')}] }`
  const registry = own.use(await startRegistry({ auth: LOGIN, extra }))
  const quiet = own.use(await startRegistry({ beside: registry }))
  const proxy = own.use(await startCountingProxy(registry.host))
  const config = dockerConfig([registry.host, proxy.host])
  // This process pushes, too.
  await writeFile(join(home, 'config.json'), config)
  const kept = own.move()
  const pushTo = async (host: string, name: string, image: string) => {
    await copy(image, `docker://${host}/${name}`, { force: true })
  }
  return {
    registry,
    host: proxy.host,
    push: (name, image) => pushTo(registry.host, name, image),
    pushSilently: (name, image) => pushTo(quiet.host, name, image),
    digestOf: (name) => digestAt(`docker://${quiet.host}/${name}`),
    pushed: () =>
      proxy.answered().flatMap((line) => {
        const [, repository, tag] = /^PUT \/v2\/(.+)\/manifests\/(v\d.*) 201$/.exec(line) ?? []
        return repository === undefined ? [] : [`${repository}:${tag}`]
      }),
    async machine(user = 'root') {
      const box = kept.use(await sandbox())
      const folders = [box.folder, ...['docker', 'work', 'run'].map((name) => join(box.folder, name))]
      for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 })
      const files = [join(box.folder, 'fleet.yaml'), join(box.folder, 'docker/config.json')] as const
      await writeFile(files[0], fleetYaml(proxy.host))
      await writeFile(files[1], config, { mode: 0o600 })
      if (user === 'nobody') for (const path of [...folders, ...files]) await chown(path, NOBODY, NOBODY)
      return box
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}

const dockerConfig = (hosts: readonly string[]): string => {
  const auth = Buffer.from(`${LOGIN.user}:${LOGIN.password}`).toString('base64')
  return JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth }])) })
}

async function digestAt(reference: string): Promise<string | undefined> {
  await using source = await openSource(reference)
  try {
    return ((await source.index()) ?? (await source.image())).descriptor.digest
  } catch (error) {
    // A registry that was killed while it wrote a tag has one that it can't read, until the image is pushed again.
    if (error instanceof HeadstartError && ['E_IMAGE_NOT_FOUND', 'E_REGISTRY'].includes(error.code))
      return undefined
    throw error
  }
}
