/** A fleet to try things with: a registry that notes what it is asked, small images in it, and the command. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSource } from '../../../image/sources.ts'
import { type RegistryOptions, startRegistry } from '../../../scripts/support/registry.ts'
import { copy } from '../../support/copy.ts'
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts'
import { type Outcome, type RunChoices, type Sandbox, sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'

export interface TestFleet extends AsyncDisposable {
  /** of the registry, through the proxy */
  readonly host: string
  readonly proxy: CountingProxy
  readonly box: Sandbox
  /** @param name without the registry. @param text in a file that the start reads. @returns digest */
  push(name: string, text: string, choices?: { readonly command?: string }): Promise<string>
  /** @param yaml below `version` and `registry` */
  write(yaml: string): Promise<void>
  /** `headstart fleet …` with a state file of its own */
  fleet(args: readonly string[], choices?: RunChoices): Promise<Outcome>
  digestOf(name: string): Promise<string>
}

export async function testFleet(options: RegistryOptions = {}): Promise<TestFleet> {
  await using own = new AsyncDisposableStack()
  const registry = own.use(await startRegistry(options))
  const proxy = own.use(await startCountingProxy(registry.host))
  const box = own.use(await sandbox())
  const kept = own.move()
  let images = 0
  return {
    host: proxy.host,
    proxy,
    box,
    async push(name, text, { command = 'cat /app.txt; echo started; sleep 60' } = {}) {
      images += 1
      const app = [file('app.txt', text.repeat(1000)), file('unread.txt', text)]
      const image = await busyboxImage(join(box.folder, `image-${images}`), { command, app })
      return copy(image, `docker://${registry.host}/${name}`, { force: true })
    },
    write: (yaml) =>
      writeFile(join(box.folder, 'fleet.yaml'), `version: 1\nregistry: ${proxy.host}\n${yaml}\n`),
    fleet: ([name = '', ...args], choices) =>
      box.run(
        ['fleet', name, ...(args.includes('--state') ? [] : ['--state', 'fleet.sqlite']), ...args],
        choices,
      ),
    async digestOf(name) {
      await using source = await openSource(`docker://${registry.host}/${name}`)
      return ((await source.index()) ?? (await source.image())).descriptor.digest
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}

/** By which a start is ready. */
export const READY = 'defaults: { ready: { log: started, timeout: 2m } }'
