/** An image's process, for tests of what a container is started with. */
import type { ProcessConfig } from '../../../../image/types.ts'

export const PROCESS: ProcessConfig = {
  env: ['PATH=/app', 'A=image'],
  entrypoint: ['/entry'],
  cmd: ['serve'],
  workingDir: '/srv',
  user: 'web',
  stopSignal: undefined,
  exposedPorts: [],
  volumes: [],
  healthcheck: undefined,
}
