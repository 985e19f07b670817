/** A sandbox with a registry that has a small image as eStargz and as it was, and a way to run them. */
import { join } from 'node:path'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { ignoreMissing } from '../../tracer/container/docker/errors.ts'
import { copy } from '../support/copy.ts'
import { dockerEngine } from '../support/engine.ts'
import { type Outcome, type RunChoices, type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'
import { optimized, startFile } from '../support/optimized.ts'
import type { TarItem } from '../support/tar.ts'

export interface RunBox extends AsyncDisposable {
  readonly box: Sandbox
  readonly registry: TestRegistry
  /** names of the image in the registry: as eStargz, and as it was */
  readonly lazy: string
  readonly plain: string
  /** `headstart run`, where nothing is cached from another one */
  run(args: readonly string[], choices?: RunChoices): Promise<Outcome>
}

/** @param app files of its upper layer, of which its start reads none */
export async function runBox(app?: readonly TarItem[]): Promise<RunBox> {
  const box = await sandbox()
  const registry = await startRegistry()
  const image = await busyboxImage(join(box.folder, 'image'), {
    command: 'echo hello; echo problem >&2',
    config: {
      User: 'web',
      WorkingDir: '/tmp',
      Labels: { 'of.image': 'yes', 'of.both': 'image' },
      ExposedPorts: { '8080/tcp': {} },
      Healthcheck: { Test: ['CMD', 'true'], Interval: 3_600_000_000_000 },
      StopSignal: 'SIGQUIT',
    },
    ...(app && { app }),
  })
  const layout = `oci:${join(box.folder, 'lazy')}:1`
  await optimized(image, layout, { startup: [startFile('bin/busybox')], options: {} })
  const [lazy, plain] = [`${registry.host}/lazy:1`, `${registry.host}/plain:1`]
  await copy(layout, `docker://${lazy}`)
  await copy(image, `docker://${plain}`)
  return {
    box,
    registry,
    lazy,
    plain,
    run: (args, choices) => box.run(['run', '--no-cache', ...args], choices),
    async [Symbol.asyncDispose]() {
      const docker = await dockerEngine()
      await ignoreMissing(docker.getImage(plain).remove({ force: true }))
      await registry[Symbol.asyncDispose]()
      await box[Symbol.asyncDispose]()
    },
  }
}
