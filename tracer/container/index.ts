/** The container engines, and which one is used by default. */
import { HeadstartError } from '../../system/errors.ts'
import { dockerEngine } from './docker/engine.ts'
import { runcEngine } from './runc/engine.ts'
import type { Engine, EngineName, EngineWish } from './types.ts'

export const engines = {
  docker: dockerEngine,
  runc: runcEngine,
} satisfies Record<EngineName, Engine>

/** In the order they are tried. */
const PREFERRED = [dockerEngine, runcEngine] satisfies Engine[]

export interface EngineChoice extends EngineWish {
  /** called with a line for people when it is not the first: which, and why */
  readonly onNote?: ((text: string) => void) | undefined
}

/**
 * @param name the engine asked for; by default the first one that is available
 * @throws HeadstartError E_ENGINE
 */
export async function chooseEngine(
  name?: EngineName,
  { onNote, ...wish }: EngineChoice = {},
): Promise<Engine> {
  const candidates: readonly Engine[] = name ? [engines[name]] : PREFERRED
  const reasons: string[] = []
  for (const engine of candidates) {
    const reason = await engine.unavailable(wish)
    if (reason === undefined) {
      if (reasons.length > 0) onNote?.(`the container runs on ${engine.name}; ${reasons.join('; ')}`)
      return engine
    }
    reasons.push(reason.startsWith(engine.name) ? reason : `${engine.name}: ${reason}`)
  }
  const message = `no container engine is available: ${reasons.join('; ')}`
  // Why Docker can't be used says what to do as well.
  throw new HeadstartError(
    'E_ENGINE',
    message,
    name === 'docker' ? {} : { hint: 'Start Docker, or install runc' },
  )
}
