/** What a measurement is doing and how long it will take: a line that is kept up to date on a terminal, a line now and then in a log. */
import type { BenchProgress } from '../../report/bench/run.ts'
import type { Output } from './output.ts'

const REDRAW_MS = 1000

/** Disposing ends it. */
export function drawBench(output: Output): Disposable & { readonly tell: (progress: BenchProgress) => void } {
  let latest: BenchProgress | undefined
  let since = 0
  const draw = () => {
    const progress = latest
    // What was said in a line of its own is repeated only with the time that it takes.
    const isWorth =
      progress?.turns || (progress?.guessMs === undefined && performance.now() - since >= REDRAW_MS)
    if (progress && isWorth) output.progress(() => benchLine(progress, performance.now() - since))
  }
  const timer = setInterval(draw, REDRAW_MS)
  return {
    tell(progress) {
      if (!progress.turns) output.note(benchLine(progress, 0))
      const isFirst = progress.turns && !latest?.turns
      latest = progress
      since = performance.now()
      if (isFirst) output.progress(() => benchLine(progress, 0), { now: true })
      else draw()
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** @param elapsedMs since it was told */
export function benchLine({ doing, turns, guessMs }: BenchProgress, elapsedMs: number): string {
  if (turns)
    return `sample ${turns.done + 1} of ${turns.total}: ${doing}, ${aboutTime(turns.leftMs - elapsedMs)} left`
  if (guessMs !== undefined) return `${doing}: ${aboutTime(guessMs)}, once the images are prepared`
  return elapsedMs < REDRAW_MS ? doing : `${doing}, ${Math.round(elapsedMs / 1000)} s so far`
}

/** An estimate is no more exact than this. */
function aboutTime(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000))
  if (seconds >= 90) return `about ${Math.round(seconds / 60)} min`
  return `about ${seconds > 20 ? Math.round(seconds / 5) * 5 : seconds} s`
}
