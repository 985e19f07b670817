/** `headstart fleet serve`: follows the registries, and shows the fleet on a page and to Prometheus. Workers do what is to be done. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type FollowedFleet, followFleet } from '../../fleet/config/followed.ts'
import type { Looking } from '../../fleet/look/look.ts'
import { commandLines } from '../../fleet/perform/commands.ts'
import type { Step } from '../../fleet/plan.ts'
import { type Queue, SETTINGS } from '../../fleet/queue/types.ts'
import type { Known } from '../../fleet/serve/overview.ts'
import { stepsForPush } from '../../fleet/serve/pushed.ts'
import { type Address, type ServeOptions, serveFleet } from '../../fleet/serve/serve.ts'
import { apply, survey } from '../../fleet/survey.ts'
import { renderLive } from '../../report/page/live.ts'
import { HeadstartError, messageOf } from '../../system/errors.ts'
import { MAX_SETTINGS_BYTES, readInput } from '../../system/files/read-whole.ts'
import type { CliContext } from '../context.ts'
import { durationFlag } from '../flags/values.ts'
import { type AccessFlags, addAccessFlags, lookingWith } from './looking.ts'
import {
  addQueueFlags,
  addRetryFlags,
  openQueue,
  type QueueFlags,
  type RetryFlags,
  settingsOf,
} from './queue.ts'
import { countedSteps } from './words.ts'

interface Flags extends AccessFlags, QueueFlags, RetryFlags {
  readonly listen: Address
  readonly listenNotifications?: Address
  readonly secretFile?: string
  readonly every: number
}

const LISTEN: Address = { host: '127.0.0.1', port: 8484 }

export function registerServe(command: Command, context: CliContext): void {
  command
    .argument('[file]', 'what the fleet is; read again before each look', 'fleet.yaml')
    .addOption(
      new Option('--listen <host:port>', 'of the page, the metrics, and the notifications')
        .argParser(addressFlag)
        .default(LISTEN, '127.0.0.1:8484'),
    )
    .addOption(
      new Option('--listen-notifications <host:port>', 'of the notifications alone').argParser(addressFlag),
    )
    .addOption(
      new Option(
        '--secret-file <file>',
        'with the secret that registries send as Authorization: Bearer SECRET; or it is in the environment variable HEADSTART_FLEET_SECRET (default: no notifications are taken)',
      ),
    )
    .addOption(
      new Option('--every <duration>', 'look at all registries this often, since notifications get lost')
        .argParser(durationFlag)
        .default(600_000, '10m'),
    )
    .action((file: string, flags: Flags) => serve(file, flags, context))
  addAccessFlags(addRetryFlags(addQueueFlags(command), SETTINGS))
}

async function serve(file: string, flags: Flags, context: CliContext): Promise<void> {
  const output = context.output()
  const onLine = (line: string) => output.warn(line)
  const { abort } = context.interrupts
  const secret = await secretOf(flags)
  const fleet = await followFleet(file)
  await using queue = await openQueue(flags, { settings: settingsOf(flags), onNotice: onLine })
  await using looking = lookingWith(flags, queue, abort)
  await serveFleet({
    queue,
    listen: flags.listen,
    ...(flags.listenNotifications && { listenForNotifications: flags.listenNotifications }),
    secret,
    everyMs: flags.every,
    version: context.version,
    page: renderLive(),
    commands: commandLines,
    ...follower({ fleet, queue, looking }, (line) => output.note(line)),
    onLine,
    onListening({ page, notifications }) {
      output.result(`the page is at ${page}, the metrics at ${page}/metrics`)
      output.note(
        secret === undefined
          ? 'no notifications are taken: neither --secret-file nor HEADSTART_FLEET_SECRET was given'
          : `registries send notifications to ${notifications}/notifications`,
      )
      output.note('jobs are done by workers, with the same --state or --queue: headstart fleet work')
    },
    signal: abort,
  })
}

interface Following {
  readonly fleet: FollowedFleet
  readonly queue: Queue
  readonly looking: Looking
}

/** @param note takes what came of each look, when it differs from the one before */
function follower(
  { fleet, queue, looking }: Following,
  note: (line: string) => void,
): Pick<ServeOptions, 'poll' | 'pushed' | 'known'> {
  let clashes: ReadonlyMap<string, string> = new Map()
  let said = ''
  let known: readonly Known[] = []
  return {
    known: () => known,
    async poll() {
      const wrong = await fleet.readAgain()
      const found = await survey(fleet.now, looking, async ({ step }) => {
        await apply(step, queue)
      })
      clashes = found.clashes
      known = found.images.flatMap(({ step }) => knownFrom(step))
      const sum = countedSteps(found.images)
      if (sum !== said) note(sum)
      said = sum
      return [...(wrong === undefined ? [] : [wrong]), ...found.faults]
    },
    async pushed(pushed) {
      for (const { image, step } of await stepsForPush(fleet.now, pushed, looking, clashes)) {
        const isAdded = await apply(step, queue)
        if (isAdded) note(`${image} was pushed: ${step.why}`)
      }
    },
  }
}

function knownFrom(step: Step): Known[] {
  if (step.is === 'current') return [{ work: step.work, at: step.at }]
  return step.is === 'adopt' ? [{ work: step.work, at: Date.now() }] : []
}

/** `127.0.0.1:8484`, `[::]:8484`, `localhost:0` */
export function addressFlag(text: string): Address {
  const [, host = '', port = ''] = /^(\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? []
  if (host === '' || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:8484 or [::]:8484.')
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

/** A shorter one can be guessed. */
const LEAST_SECRET = 16

/** @throws HeadstartError E_FILE, E_SECRET */
async function secretOf({ secretFile }: Flags): Promise<string | undefined> {
  const text =
    secretFile === undefined
      ? process.env.HEADSTART_FLEET_SECRET
      : await readInput(secretFile, MAX_SETTINGS_BYTES).catch((cause: unknown) => {
          throw new HeadstartError('E_FILE', `${secretFile} can't be read: ${messageOf(cause)}`, { cause })
        })
  const secret = text?.trim()
  if (secret === undefined) return undefined
  if (secret.length >= LEAST_SECRET) return secret
  throw new HeadstartError(
    'E_SECRET',
    `the secret of notifications has fewer than ${LEAST_SECRET} characters`,
    {
      hint: 'Make one with: openssl rand -hex 24',
    },
  )
}
