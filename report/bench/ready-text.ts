/** How readiness is found, in words. Pure. */
import { withoutUrlSecrets } from '../../system/secrets.ts'
import type { ReadyCheck } from '../../tracer/container/readiness.ts'

export function describeReady(ready: ReadyCheck): string {
  switch (ready.by) {
    case 'log':
      return `a line of the output matches ${ready.pattern}`
    case 'http':
      return `${withoutUrlSecrets(ready.url)} answers${ready.status === undefined ? '' : ` with ${ready.status}`}`
    case 'tcp':
      return `port ${ready.port} takes connections`
    case 'exec':
      return 'a command in the container ends with 0' // not which: it may log in somewhere
    case 'health':
      return 'the healthcheck of the image passes'
    case 'exit':
      return 'the container ends with 0'
    case 'period':
      return `${ready.ms / 1000} s have passed`
  }
}
