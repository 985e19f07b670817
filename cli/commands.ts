/** The commands there are. Each is loaded only when it is called for, so that a help text doesn't wait for an engine's client. */
import type { Register } from './context.ts'

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<{ readonly register: Register }>
}

export const commands = {
  profile: {
    summary: 'Run an image once on a recording mount and write down which bytes its start reads',
    load: () => import('./commands/profile.ts'),
  },
  optimize: {
    summary: 'Rebuild an image as eStargz, with what its start reads ahead of the prefetch landmark',
    load: () => import('./commands/optimize.ts'),
  },
  verify: {
    summary: 'Check every digest, chunk, landmark and header of an eStargz image, and name what is wrong',
    load: () => import('./commands/verify.ts'),
  },
  bench: {
    summary: 'Measure pull and start: the whole image, lazily without a zone, and lazily with it',
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
    summary: 'Look at traces, merge and compare them, exchange them with the reference tool',
    load: () => import('./commands/trace.ts'),
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
    summary: 'Check what headstart needs of this machine, and remove what killed runs left',
    load: () => import('./commands/doctor.ts'),
  },
} satisfies Record<string, CommandEntry>
