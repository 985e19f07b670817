/** Removes what a killed measurement left outside its workspace: the workspace's identity says what is ours. */
import type { Sweeper } from '../../../tracer/cleanup.ts'
import { removeBridge } from './bridge.ts'
import { sweepNamespace } from './containerd-namespace.ts'
import { sweepEngine } from './docker.ts'
import { sweepOwnContainerd } from './own-containerd.ts'

export const sweepers: readonly Sweeper[] = [
  { name: 'containerd namespace', sweep: sweepNamespace },
  { name: 'remains of shims', sweep: sweepOwnContainerd },
  { name: 'sockets of an engine’s shims', sweep: sweepEngine },
  { name: 'network bridge', sweep: ({ id }) => removeBridge(id) },
]
