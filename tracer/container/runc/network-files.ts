/** The files that an engine mounts over the image's /etc/hostname, /etc/hosts and /etc/resolv.conf. */
import { createHash } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { RunOptions } from '../options/run-options.ts'
import type { ContainerRequest } from '../types.ts'

/** As Docker: the one asked for; on the host's network the host's name, else one that looks like a container ID. */
export const hostnameOf = ({ id, options }: ContainerRequest): string =>
  options.hostname ??
  (options.network === 'host' ? hostname() : createHash('sha256').update(id).digest('hex').slice(0, 12))

export interface NetworkFile {
  readonly source: string
  /** in the container */
  readonly target: string
}

/** @param folder where they are written */
export async function writeNetworkFiles(
  folder: string,
  hostname: string,
  options: RunOptions,
): Promise<NetworkFile[]> {
  const known = options.network === 'host' ? await readOwn('/etc/hosts') : LOOPBACK_HOSTS
  const added = (options.addHosts ?? []).map((entry) => {
    const at = entry.indexOf(':')
    return `${entry.slice(at + 1)}\t${entry.slice(0, at)}\n`
  })
  const dns = (options.dns ?? []).map((server) => `nameserver ${server}\n`)
  const texts = {
    hosts: known + added.join(''),
    hostname: `${hostname}\n`,
    'resolv.conf': dns.length > 0 ? dns.join('') : await readOwn('/etc/resolv.conf'),
  }
  return Promise.all(
    Object.entries(texts).map(async ([name, text]) => {
      const source = join(folder, name)
      await writeFile(source, text)
      await chmod(source, 0o644) // every user of the container reads them, whatever our umask
      return { source, target: `/etc/${name}` }
    }),
  )
}

/** The host may not have it. */
const readOwn = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** /etc/hosts of a container without a network, as Docker writes it. */
const LOOPBACK_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`
