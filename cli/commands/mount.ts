/** `headstart mount`: an eStargz image of a registry as a read-only folder, fetched as it is read. */
import { realpath, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { formatPlatform } from '../../image/platform.ts'
import { HeadstartError } from '../../system/errors.ts'
import { isMountPoint } from '../../system/mounts.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { lazyTree } from '../../tracer/mount/lazy/tree.ts'
import { type Counters, mountFileSystem, requireFuse } from '../../tracer/mount/mount.ts'
import type { CliContext } from '../context.ts'
import { addImageFlags, type ImageFlags } from '../flags/image.ts'
import { bytes, duration, thousands } from '../print/output.ts'
import { sweepFirst } from '../sweeping.ts'

interface Flags extends ImageFlags {
  readonly prefetch: boolean
  readonly allowOther?: boolean
}

const REDRAW_MS = 500

export function register(command: Command, context: CliContext): void {
  command
    .argument('<image>', 'the image, in a registry or an OCI layout')
    .argument('<folder>', 'where to mount it: an existing folder')
    .option('--no-prefetch', 'fetch even the prioritized zone on demand')
    .option(
      '--allow-other',
      'let other users read it, subject to the permissions in the image (default: root only)',
    )
    .addHelpText(
      'after',
      "\nIt is mounted with nosuid and nodev: setuid programs gain no rights, and\ndevices can't be opened.",
    )
    .action(async (reference: string, folder: string, flags: Flags) => {
      const output = context.output()
      await requireFuse()
      const { abort, finish } = context.interrupts
      await sweepFirst()
      await using workspace = await createWorkspace()
      await using mount = await mountFileSystem({
        mountPoint: await existingFolder(folder),
        record: false,
        allowOther: flags.allowOther ?? false,
        signal: abort,
        tree: {
          ...lazyTree({
            reference,
            insecure: flags.insecure,
            prefetch: flags.prefetch ? 'zone' : 'none',
            ...(flags.caFile !== undefined && { caFile: flags.caFile }),
            ...(flags.platform && { platform: formatPlatform(flags.platform) }),
          }),
          cacheFolder: await workspace.sub('cache'),
        },
      })
      // Only now is Ctrl-C how it ends; until here it was an interruption.
      const stop = finish()
      const lazy = mount.lazy
      output.note(
        `${reference} is mounted on ${folder}: ${thousands(mount.totals.files)} files, ${bytes(mount.totals.bytes)}` +
          (lazy ? `; ready after ${duration(lazy.resolveMs + lazy.tocMs + lazy.prefetchMs)}` : ''),
      )
      output.note('press Ctrl-C, or run umount, to unmount it')
      while (!stop.aborted && !abort.aborted && (await isMountPoint(mount.folder))) {
        const counters = await mount.counters()
        output.live(() => fetched(counters))
        await sleep(REDRAW_MS, undefined, { signal: AbortSignal.any([abort, stop]) }).catch(() => {})
      }
      output.result(fetched(await mount.counters()))
    })
  addImageFlags(command)
}

const fetched = ({ toc, prefetch, onDemand }: Counters): string =>
  `fetched ${bytes(toc.bytes)} of tables of contents, ${bytes(prefetch.bytes)} of prioritized zones, ${bytes(onDemand.bytes)} on demand in ${thousands(onDemand.requests)} requests`

async function existingFolder(folder: string): Promise<string> {
  const info = await stat(folder).catch(() => undefined)
  if (info?.isDirectory()) return realpath(folder)
  throw new HeadstartError('E_FOLDER', `${folder} ${info ? 'is not a folder' : 'does not exist'}`, {
    hint: 'Create an empty folder to mount it on',
  })
}
