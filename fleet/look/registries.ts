/** The registries of a fleet, each reached by one set of connections, and asked a few things at a time. */
import { RegistryClient } from '../../image/registry/client.ts'
import type { EndpointOptions } from '../../image/registry/endpoint.ts'
import type { Repository } from '../../image/registry/referrers.ts'

export interface Registries extends AsyncDisposable {
  /** @throws HeadstartError E_CA_FILE, E_CERTIFICATES, E_REGISTRY: it can't be reached that way */
  at(host: string, repository: string): Promise<Repository>
}

export function openRegistries(
  options: EndpointOptions & { readonly signal?: AbortSignal | undefined },
): Registries {
  const { signal } = options
  const clients = new Map<string, Promise<RegistryClient>>()
  const repositories = new Map<string, Repository>()
  const clientOf = (host: string): Promise<RegistryClient> => {
    const known = clients.get(host) ?? RegistryClient.connect(host, '', options)
    clients.set(host, known)
    return known
  }
  return {
    async at(host, repository) {
      const name = `${host}/${repository}`
      const client = (await clientOf(host)).forRepository(repository)
      const place = repositories.get(name) ?? { client, repository, signal }
      repositories.set(name, place)
      return place
    },
    async [Symbol.asyncDispose]() {
      const opened = await Promise.allSettled(clients.values())
      await Promise.all(
        opened.map((each) => (each.status === 'fulfilled' ? each.value[Symbol.asyncDispose]() : undefined)),
      )
    },
  }
}
