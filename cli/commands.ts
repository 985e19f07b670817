/** The commands there are. Each is loaded only when it is used, so that printing help doesn't load an engine's client. */
import type { Register } from './context.ts'

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<{ readonly register: Register }>
  /**
   * Of a command whose other statuses are a container's: the status when it fails itself, as in docker run. What comes after its first argument
   * is the container's as well.
   */
  readonly failure?: number
}

export const commands = {
  run: {
    summary: 'Run an image as docker run does, without pulling it first: what its start reads comes first',
    load: () => import('./commands/run.ts'),
    failure: 125,
  },
  profile: {
    summary: 'Run an image once and record which bytes its start reads',
    load: () => import('./commands/profile.ts'),
  },
  optimize: {
    summary: 'Rebuild an image as eStargz, so that what its start reads is prefetched',
    load: () => import('./commands/optimize.ts'),
  },
  verify: {
    summary: 'Check every digest, chunk, landmark and header of an eStargz image, and report what is wrong',
    load: () => import('./commands/verify.ts'),
  },
  bench: {
    summary: 'Measure pull and start: a full pull, a lazy pull, and a lazy pull with the prioritized zone',
    load: () => import('./commands/bench.ts'),
  },
  report: {
    summary: 'Write an HTML page that shows what a start reads and what was gained',
    load: () => import('./commands/report.ts'),
  },
  inspect: {
    summary: "Show an image's layers: size, media type, eStargz or not, zone, table of contents",
    load: () => import('./commands/inspect.ts'),
  },
  trace: {
    summary: 'Show, merge and compare traces, exchange them with other runtimes, attach them to images',
    load: () => import('./commands/trace.ts'),
  },
  fleet: {
    summary: 'Keep many images optimized, as fleet.yaml says: find new builds, record and rebuild',
    load: () => import('./commands/fleet.ts'),
  },
  copy: {
    summary: 'Copy an image between registries, engines, layouts and archives',
    load: () => import('./commands/copy.ts'),
  },
  mount: {
    summary: 'Mount an eStargz image as a read-only folder that is fetched as it is read',
    load: () => import('./commands/mount.ts'),
  },
  doctor: {
    summary: 'Check that this machine has what headstart needs, and remove what killed runs left behind',
    load: () => import('./commands/doctor.ts'),
  },
  completion: {
    summary: 'Print a script that completes headstart in bash, zsh or fish',
    load: () => import('./commands/completion.ts'),
  },
} satisfies Record<string, CommandEntry>

/** @param name as it was typed */
export const entryOf = (name: string | undefined): CommandEntry | undefined =>
  Object.entries(commands).find(([each]) => each === name)?.[1]
