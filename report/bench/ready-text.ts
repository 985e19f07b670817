/** How readiness is found, in words. Pure. */
import type { ReadyCheck } from '../../tracer/readiness.ts'

export function describeReady(ready: ReadyCheck): string {
  switch (ready.by) {
    case 'log':
      return `a line of the output matches ${ready.pattern}`
    case 'http':
      return `${withoutSecrets(ready.url)} answers${ready.status === undefined ? '' : ` with ${ready.status}`}`
    case 'tcp':
      return `port ${ready.port} takes connections`
    case 'exec':
      return `${ready.command.join(' ')} ends with 0`
    case 'health':
      return 'the healthcheck of the image passes'
    case 'exit':
      return 'the container ends with 0'
    case 'period':
      return `${ready.ms / 1000} s have passed`
  }
}

/** A URL may hold a password, and a token in its query. */
function withoutSecrets(text: string): string {
  const url = new URL(text)
  return `${url.protocol}//${url.host}${url.pathname}`
}
