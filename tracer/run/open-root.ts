/** Opens an image for a run, as `planRun` says: the engine is chosen and asked while the registry is. */
import { engineHas } from '../../image/daemon/client.ts'
import { type Location, parseLocation } from '../../image/location.ts'
import { formatPlatform } from '../../image/platform.ts'
import type { Workspace } from '../../system/workspace.ts'
import { chooseEngine } from '../container/index.ts'
import type { Engine } from '../container/types.ts'
import { dropAhead } from '../mount/spawn.ts'
import type { RunImageOptions } from './options.ts'
import { lazyReference, mayBeLazy, planRun, type WholePlan, whyWhole } from './plan.ts'
import { type FolderRoot, openLazily, openPulled, openStored, openUnpacked, type Root } from './roots.ts'

export interface OpenRoot {
  readonly engine: Engine
  readonly root: Root
}

/** @param stack gets what has to be closed after the container. @throws what choosing an engine and opening the image throw */
export async function openRoot(
  options: RunImageOptions,
  workspace: Workspace,
  stack: AsyncDisposableStack,
): Promise<OpenRoot> {
  const { reference, abort, onNote } = options
  const location = parseLocation(reference)
  await using attempt = attemptLazily(options, location, workspace)
  await attempt.asked // the engine's client takes long to load, and would hold it up
  const [engine, isStored] = await Promise.all([
    chooseEngine(options.engine, { onNote, signal: abort, unreached: true }),
    isInEngine(location, options),
  ])
  const plan = planRun(reference, location, { engine: engine.name, isStored })
  if (isStored)
    onNote(`${reference} is in the Docker engine: started from there, without looking at its registry`)
  if (plan.how === 'stored') {
    return {
      engine,
      root: await openStored(plan.image, { platform: options.access.platform, signal: abort }),
    }
  }
  if (plan.how !== 'lazily') return { engine, root: await openWhole(plan, options, workspace, stack) }
  try {
    return { engine, root: await attempt.root(stack) }
  } catch (error) {
    const why = whyWhole(error)
    if (why === undefined) throw error
    const what = plan.otherwise.how === 'pulled' ? 'pulling' : 'unpacking'
    onNote(`${what} it whole, since ${why}`)
    dropAhead() // nothing is left for it to serve
    return { engine, root: await openWhole(plan.otherwise, options, workspace, stack) }
  }
}

function openWhole(
  plan: WholePlan,
  options: RunImageOptions,
  workspace: Workspace,
  stack: AsyncDisposableStack,
): Promise<Root> {
  const { reference, access, abort: signal, onWarning, onPull, onUnpack } = options
  if (plan.how === 'pulled') return openPulled(plan.reference, { platform: access.platform, signal, onPull })
  return openUnpacked(reference, access, { workspace, signal, onWarning, onProgress: onUnpack }, stack)
}

/** A name in the registry alone, or one that is to be looked up there, isn't asked for. */
async function isInEngine(location: Location, { pullAlways, abort }: RunImageOptions): Promise<boolean> {
  if (location.transport !== 'bare' || pullAlways) return false
  return (await engineHas(location.reference, { signal: abort })).has === true
}

interface Attempt extends AsyncDisposable {
  /** Its process works. */
  readonly asked: Promise<void>
  /** @param stack becomes its owner. @throws why the image can't be opened lazily */
  root(stack: AsyncDisposableStack): Promise<FolderRoot>
}

/** Begins at once; one whose root isn't asked for is given up. */
function attemptLazily(options: RunImageOptions, location: Location, workspace: Workspace): Attempt {
  const { access, abort, lazy } = options
  if (!mayBeLazy(location)) dropAhead()
  const over = new AbortController()
  const own = new AsyncDisposableStack()
  const asked = Promise.withResolvers<void>()
  const { platform, ...reach } = access
  const opening = mayBeLazy(location)
    ? openLazily(
        {
          reference: lazyReference(options.reference, location),
          prefetch: 'stream',
          ...lazy,
          ...reach,
          ...(platform && { platform: formatPlatform(platform) }),
        },
        { workspace, signal: AbortSignal.any([abort, over.signal]), onAsked: asked.resolve },
        own,
      )
    : undefined
  if (opening)
    opening.catch(asked.resolve) // reported to whoever asks for the root
  else asked.resolve()
  return {
    asked: asked.promise,
    async root(stack) {
      if (!opening) throw new Error('this image is not read lazily')
      const root = await opening
      stack.use(own.move())
      return root
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      await opening?.catch(() => {})
      await own.disposeAsync()
    },
  }
}
