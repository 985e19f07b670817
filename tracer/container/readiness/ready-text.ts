/** How readiness is determined, as text. Pure. */
import { withoutUrlSecrets } from '../../../system/text/secrets.ts'
import type { ReadyCheck } from './readiness.ts'

export function readyText(ready: ReadyCheck): string {
  switch (ready.by) {
    case 'log':
      return `a line of the output matches ${ready.pattern}`
    case 'http':
      return `${withoutUrlSecrets(ready.url)} responds${ready.status === undefined ? '' : ` with ${ready.status}`}`
    case 'tcp':
      return `port ${ready.port} accepts connections`
    case 'exec':
      return 'a command in the container exits with 0' // not which: its arguments may hold a password
    case 'health':
      return 'the healthcheck of the image passes'
    case 'exit':
      return 'the container exits with 0'
    case 'interrupt':
      return 'it is interrupted'
    case 'period':
      return `${ready.ms / 1000} s have passed`
  }
}
