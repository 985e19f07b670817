/** `-p` of docker run. Pure. */
import type { PublishedPort } from './run-options.ts'
import { wrong } from './values.ts'

/** `[[IP:]HOST:]CONTAINER[/tcp|/udp]`, ranges `8000-8002` too; an IPv6 address is in brackets. */
export function parsePublish(text: string): PublishedPort[] {
  const match = /^(?:(?:(\[[0-9a-f:]+\]|[0-9.]+):)?(\d+(?:-\d+)?)?:)?(\d+(?:-\d+)?)(?:\/(tcp|udp))?$/i.exec(
    text,
  )
  const [, ip = '', host, container = '', protocol = 'tcp'] = match ?? []
  const containerPorts = portsIn(container)
  const hostPorts = host === undefined ? undefined : portsIn(host)
  if (!match || containerPorts.length === 0 || (hostPorts && hostPorts.length !== containerPorts.length))
    throw wrong('-p', text, 'Write [[IP:]HOST:]CONTAINER[/udp], e.g. 8080:80')
  return containerPorts.map((containerPort, index) => ({
    hostIp: ip.replace(/^\[|\]$/g, ''),
    hostPort: hostPorts ? String(hostPorts[index]) : '',
    containerPort,
    protocol: protocol.toLowerCase() === 'udp' ? 'udp' : 'tcp',
  }))
}

function portsIn(range: string): number[] {
  const [first = 0, last = first] = range.split('-').map(Number)
  if (first < 1 || last > 65535 || last < first) return []
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
