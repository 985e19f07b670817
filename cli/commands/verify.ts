/** `headstart verify`: is every byte of an image what its digests, its tables of contents and its landmarks say? */
import type { Command } from 'commander'
import { inEngine } from '../../image/location.ts'
import { type Problem, verifyImage } from '../../image/verify.ts'
import { HeadstartError } from '../../system/errors.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { bytes, counted } from '../print/output.ts'

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image to verify')
    .addOption(jsonOption())
    .action(async (reference: string, flags: ImageFlags & { json: boolean }) => {
      const output = context.output(flags.json)
      await using source = await sourceOf(reference, flags, context, output)
      const image = await source.image(flags.platform)
      const layers = image.layers.length
      const unchecked = new Set<number>()
      const problems = await verifyImage(image, {
        signal: context.interrupts.abort,
        onUnchecked: (layer, message) => {
          unchecked.add(layer)
          output.warn(`layer ${layer + 1} of ${layers} ${message}`)
        },
        onNote: (layer, message) => output.note(`layer ${layer + 1} of ${layers} ${message}`),
        onLayer: (layer) => output.progress(() => `verified layer ${layer + 1} of ${layers}`),
      })
      output.done()
      if (problems[0]?.code === 'E_NOT_ESTARGZ') {
        if (flags.json) output.result(JSON.stringify(problems))
        throw notEstargz(source.name, layers)
      }
      if (flags.json) output.result(JSON.stringify(problems))
      else for (const problem of problems) output.result(describe(problem, layers))
      if (problems.length > 0)
        throw new HeadstartError(
          'E_VERIFY',
          `${source.name} has ${problems.length === 1 ? 'a fault' : `${problems.length} faults`}`,
          {
            hint: 'Rebuild it with: headstart optimize',
          },
        )
      const checked = image.layers.filter((_, index) => !unchecked.has(index))
      const size = bytes(checked.reduce((sum, { descriptor }) => sum + descriptor.size, 0))
      if (flags.json) return
      output.result(
        unchecked.size === 0
          ? `${source.name} is sound: ${counted(layers, 'layer')}, ${size}`
          : `${source.name} is sound as far as it could be checked: ${checked.length} of ${counted(layers, 'layer')}, ${size}`,
      )
    })
  addImageFlags(command)
}

const notEstargz = (name: string, layers: number): HeadstartError =>
  new HeadstartError(
    'E_NOT_ESTARGZ',
    `${name} is not eStargz: ${layers === 1 ? 'its layer has no' : `none of its ${layers} layers has a`} table of contents`,
    { hint: inEngine(name) ?? 'Convert it with: headstart optimize' },
  )

function describe({ layer, path, message }: Problem, layers: number): string {
  const where = layer === undefined ? 'image' : `layer ${layer + 1} of ${layers}`
  return `${where}${path === undefined ? '' : `: ${path}`}: ${message}`
}
