/** Removes what a killed measurement left outside its workspace: the workspace's identity says what is ours. */
import type { Sweeper } from '../../../tracer/cleanup.ts'
import { removeBridge } from './bridge.ts'
import { sweepNamespace } from './containerd-namespace.ts'

export const sweepers: readonly Sweeper[] = [
  { name: 'containerd namespace', sweep: sweepNamespace },
  { name: 'network bridge', sweep: ({ id }) => removeBridge(id) },
]
