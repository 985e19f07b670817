/** A fleet on one host: the same parts as in a cluster, and commands that headstart has. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { commandLine, expectKnown } from './known.ts'

/** What is read here; whether it is valid is Compose's to say: `manifests.test.ts`. */
const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.looseObject({
      command: z.array(z.string()),
      networks: z.array(z.string()),
      privileged: z.boolean().optional(),
      environment: z.record(z.string(), z.string()).optional(),
      ports: z.array(z.string()).optional(),
      volumes: z.array(z.string()),
      secrets: z.array(z.string()).optional(),
    }),
  ),
  networks: z.record(z.string(), z.looseObject({})),
  secrets: z.record(z.string(), z.looseObject({})),
})

test('Compose: the same parts on one host', async () => {
  const program = await commandLine()
  const file = new URL('../../deploy/compose.yaml', import.meta.url)
  const compose = composeSchema.parse(parse(await readFile(file, 'utf8'), { merge: true }))
  const { redis, server, rebuild, record } = compose.services
  expect(Object.keys(compose.services)).toEqual(['redis', 'server', 'rebuild', 'record'])
  for (const one of [server, rebuild, record]) {
    expectKnown(program, one?.command ?? [])
    expect(one?.environment?.HEADSTART_QUEUE).toBe('redis://redis:6379')
    expect(one?.command[2]).toBe('/config/fleet.yaml')
    expect(one?.volumes).toContain('./fleet.yaml:/config/fleet.yaml:ro')
    for (const network of one?.networks ?? []) expect(compose.networks).toHaveProperty(network)
    for (const name of one?.secrets ?? []) expect(compose.secrets).toHaveProperty(name)
  }
  expect(Object.values(compose.services).map(({ privileged = false }) => privileged)).toEqual([
    false,
    false,
    false,
    true,
  ])
  for (const one of [server, rebuild])
    expect(one).toMatchObject({ user: '65534:65534', read_only: true, cap_drop: ['ALL'] })
  // Redis has no password, so nobody else may reach it; the page is for this host.
  expect(redis).toMatchObject({ networks: ['queue'] })
  expect(redis?.ports).toBeUndefined()
  expect(compose.networks.queue).toEqual({ internal: true })
  expect(redis?.command).toEqual(expect.arrayContaining(['--appendonly', 'yes']))
  expect(server?.ports).toEqual(['127.0.0.1:8484:8484', '8485:8485'])
})
