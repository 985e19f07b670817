/**
 * `headstart doctor`: does this machine have what headstart needs, and did killed runs leave anything behind? `headstart doctor IMAGE`: would a
 * node pull the image lazily, and if not, why?
 */
import type { Command } from 'commander'
import { examineLazy } from '../../image/lazy/examine.ts'
import { lazyFindings, wouldBeLazy } from '../../image/lazy/findings.ts'
import { sweepers } from '../../report/bench/runtime/sweepers.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { staleWorkspaces } from '../../system/workspace.ts'
import { sweep } from '../../tracer/cleanup.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags, sourceOf } from '../flags/image.ts'
import { jsonOption } from '../flags/values.ts'
import { abilitiesOf, examineMachine } from '../machine-check.ts'
import { findingText, lazyLayers } from '../print/lazy.ts'
import type { Mark, Output } from '../print/output.ts'

interface Flags extends ImageFlags {
  readonly clean: boolean
  readonly json: boolean
}

const OK: Mark = { text: 'ok  ', colour: 'green' }
const NO: Mark = { text: 'no  ', colour: 'yellow' }

export function register(command: Command, context: CliContext): void {
  command
    .argument('[image]', 'check whether a node would pull this image lazily, and not this machine')
    .option('--clean', 'remove the mounts, containers and folders that killed runs left behind', false)
    .addOption(jsonOption())
    .action(async (reference: string | undefined, flags: Flags) => {
      if (reference !== undefined && flags.clean)
        throw new HeadstartError('E_USAGE', '--clean is about this machine, not about an image')
      const output = context.output(flags.json)
      if (reference !== undefined) await examineImage(reference, flags, context, output)
      else await examineThisMachine(flags, output)
    })
  addImageFlags(command)
}

/** @throws HeadstartError E_NOT_LAZY */
async function examineImage(
  reference: string,
  flags: Flags,
  context: CliContext,
  output: Output,
): Promise<void> {
  await using source = await sourceOf(reference, flags, context, output)
  const facts = await examineLazy(source, { platform: flags.platform, signal: context.interrupts.abort })
  const findings = lazyFindings(facts)
  const isLazy = wouldBeLazy(findings)
  if (flags.json) output.result(JSON.stringify({ ...facts, lazy: isLazy, findings }))
  else {
    output.result(lazyLayers(facts))
    for (const finding of findings)
      output.result(findingText(finding, facts.layers.length), finding.prevents ? NO : undefined)
    if (isLazy)
      output.result('a node with a lazy snapshotter pulls it lazily (docs/nodes.md says how to see it)', OK)
  }
  if (!isLazy) throw new HeadstartError('E_NOT_LAZY', `a node would not pull ${source.name} lazily`)
}

/**
 * Everything is said that can be found out, even where something else can't.
 * @throws HeadstartError E_NOT_READY: nothing works, without --clean; with it, what kept it from cleaning
 */
async function examineThisMachine({ clean, json }: Flags, output: Output): Promise<void> {
  const found = await examineMachine()
  const abilities = abilitiesOf(found)
  const [left] = await Promise.allSettled([clean ? sweep(sweepers) : staleWorkspaces()])
  const folders = left.status === 'fulfilled' ? left.value.map(({ folder }) => folder) : []
  if (json) {
    output.result(
      JSON.stringify({
        requirements: Object.values(found),
        abilities,
        [clean ? 'removed' : 'left']: folders,
      }),
    )
  } else {
    for (const { name, fault } of Object.values(found))
      output.result(`${name}${fault === undefined ? '' : `: ${fault}`}`, fault === undefined ? OK : NO)
    for (const { works, sentence } of abilities) output.result(sentence, works ? OK : NO)
    for (const folder of folders)
      output.result(
        clean ? `removed ${folder}` : `left by a killed run: ${folder} (headstart doctor --clean removes it)`,
      )
    if (left.status === 'rejected')
      output.result(`what killed runs left can't be looked for: ${messageOf(left.reason)}`, NO)
  }
  if (clean && left.status === 'rejected') throw left.reason
  // With --clean it was asked to clean, and did.
  if (!clean && !abilities.some(({ works }) => works))
    throw new HeadstartError('E_NOT_READY', "headstart can't do anything on this machine")
}
