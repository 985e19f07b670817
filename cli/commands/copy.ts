/** `headstart copy`: an image from anywhere to anywhere, every digest kept. */
import type { Command } from 'commander'
import { copyImage, copyIndex } from '../../image/copy.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf, targetOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { leftBehind } from '../print/left-behind.ts'
import { drawTransfers } from '../print/transfers.ts'

interface Flags extends ImageFlags {
  readonly all: boolean
  readonly force: boolean
  readonly json: boolean
}

export function register(command: Command, context: CliContext): void {
  command
    .argument('<source>', 'the image to copy')
    .argument('<target>', 'where to copy it')
    .option('--all', 'copy an index with all its platforms', false)
    .option('-f, --force', 'overwrite the target', false)
    .addOption(jsonOption())
    .action(async (from: string, to: string, flags: Flags) => {
      const output = context.output(flags.json)
      await using source = await sourceOf(from, flags, context, output)
      await using target = await targetOf(to, flags, context, output)
      const options = { signal: context.interrupts.abort, onProgress: drawTransfers(output, 'written') }
      const what = (flags.all ? await source.index() : undefined) ?? (await source.image(flags.platform))
      if (!('rawIndex' in what))
        output.note(leftBehind(await source.index(), what, 'use --all to copy the whole index'))
      await target.prepare({ force: flags.force })
      const copied =
        'rawIndex' in what ? copyIndex(source, what, target, options) : copyImage(what, target, options)
      const { digest } = await copied
      output.done()
      output.result(flags.json ? JSON.stringify({ target: target.name, digest }) : `${target.name}@${digest}`)
    })
  addImageFlags(command)
}
