/** A fleet in a cluster: parts that fit together, and commands that headstart has. Whether the fields are valid: `manifests.test.ts`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { beforeAll, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import type { CommandDefinition } from '../../cli/definition.ts'
import { addressFlag } from '../../cli/fleet/serve.ts'
import { parseFleet } from '../../fleet/config/fleet.ts'
import { freePort } from '../../scripts/support/serve.ts'
import { until } from '../../scripts/support/until.ts'
import { durationIn } from '../../system/text/amounts.ts'
import { tempFolder } from '../support/temp.ts'
import { commandLine, expectKnown } from './known.ts'
import { kustomization, policy, scaled, service, workload } from './kubernetes-schema.ts'

const folder = fileURLToPath(new URL('../../deploy/', import.meta.url))
const text = (path: string) => readFile(`${folder}${path}`, 'utf8')

type Workload = z.infer<typeof workload>

const kind = z.looseObject({ kind: z.string() })
let root: z.infer<typeof kustomization>
let workloads: Workload[]
let services: z.infer<typeof service>[]
let policies: z.infer<typeof policy>[]
let scalers: z.infer<typeof scaled>[]
let program: CommandDefinition

beforeAll(async () => {
  root = kustomization.parse(parse(await text('kubernetes/kustomization.yaml')))
  const files = await Promise.all(root.resources.map((file) => text(`kubernetes/${file}`)))
  const all = z.array(kind).parse(files.flatMap((file) => parseAllDocuments(file).map((each) => each.toJS())))
  const of = <T>(schema: z.ZodType<T>, ...kinds: string[]) =>
    z.array(schema).parse(all.filter((each) => kinds.includes(each.kind)))
  workloads = of(workload, 'Deployment', 'StatefulSet', 'DaemonSet')
  services = of(service, 'Service')
  policies = of(policy, 'NetworkPolicy')
  scalers = of(scaled, 'ScaledObject')
  // Of nothing else: no secret, above all.
  expect(workloads.length + services.length + policies.length + scalers.length).toBe(all.length)
  program = await commandLine()
})

const valueIn = (args: readonly string[], flag: string): string | undefined =>
  args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1)

const named = (name: string): Workload => {
  const found = workloads.find(({ metadata }) => metadata.name === name)
  if (!found) throw new Error(`no workload ${name}`)
  return found
}
const podOf = ({ spec }: Workload) => spec.template
const containerOf = (each: Workload) => {
  const [only] = podOf(each).spec.containers
  if (!only) throw new Error('a pod has a container')
  return only
}

test('the parts: what runs, with which rights', () => {
  const rights = workloads.map((each) => {
    const { privileged = false, ...rest } = containerOf(each).securityContext
    if (!privileged) {
      expect(rest).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(podOf(each).spec.securityContext?.runAsNonRoot).toBe(true)
    }
    return [each.kind, each.metadata.name, privileged]
  })
  expect(rights).toEqual([
    ['StatefulSet', 'headstart-redis', false],
    ['Deployment', 'headstart-server', false],
    ['Deployment', 'headstart-rebuild', false],
    ['DaemonSet', 'headstart-record', true],
  ])
  // The privileged ones run only where somebody said so.
  expect(podOf(named('headstart-record')).spec.nodeSelector).toEqual({ 'headstart.example/record': 'true' })
})

test('all that is mounted, selected, scaled and asked for is there', async () => {
  for (const each of workloads) {
    const { spec, metadata } = podOf(each)
    const { volumeMounts, env } = containerOf(each)
    const claims =
      each.kind === 'StatefulSet' ? each.spec.volumeClaimTemplates.map((one) => one.metadata.name) : []
    expect(volumeMounts.map(({ name }) => name)).toEqual([
      ...claims,
      ...(spec.volumes ?? []).map(({ name }) => name),
    ])
    expect(metadata.labels).toEqual(each.spec.selector.matchLabels)
    // A variable is used after it is defined, or it isn't replaced.
    for (const [index, { value = '' }] of env.entries())
      for (const [, used] of value.matchAll(/\$\((\w+)\)/g))
        expect(env.slice(0, index).map(({ name }) => name)).toContain(used)
  }
  for (const { metadata, spec } of services) {
    const target = named(metadata.name)
    expect(podOf(target).metadata.labels).toMatchObject(spec.selector)
    const ports = containerOf(target).ports ?? []
    for (const { port, targetPort } of spec.ports)
      expect(ports).toContainEqual({ name: targetPort, containerPort: port })
  }
  for (const { spec } of policies) {
    const target = workloads.find(
      (each) =>
        podOf(each).metadata.labels['app.kubernetes.io/name'] ===
        Object.values(spec.podSelector.matchLabels)[0],
    )
    const ports = target ? (containerOf(target).ports ?? []).map(({ name }) => name) : []
    for (const { ports: allowed } of spec.ingress)
      for (const { port } of allowed) expect(ports).toContain(port)
  }
  for (const { spec } of scalers) {
    expect(named(spec.scaleTargetRef.name).kind).toBe('Deployment')
    const { url, valueLocation } = spec.triggers[0].metadata
    const { host, pathname } = new URL(url)
    expect(host).toBe(`headstart-server.${root.namespace}.svc:8484`)
    // As the server answers it: test/fleet/serve/serve.test.ts.
    expect([pathname, valueLocation]).toEqual(['/api/queue', 'rebuild.open'])
  }
  const maps = workloads.flatMap((each) =>
    (podOf(each).spec.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
  )
  expect([...new Set(maps)]).toEqual(root.configMapGenerator.map(({ name }) => name))
  for (const { files } of root.configMapGenerator)
    for (const file of files)
      expect(parseFleet(await text(`kubernetes/${file}`), file).entries).toHaveLength(1)
  expect(
    workloads.map((each) => containerOf(each).image).filter((image) => image === 'headstart'),
  ).toHaveLength(3)
  expect(root.images.map(({ name }) => name)).toEqual(['headstart'])
})

test('secrets are named, and how to make each is said; none is contained', async () => {
  const used = workloads.flatMap((each) => [
    ...containerOf(each).env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.name ?? []),
    ...(podOf(each).spec.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []),
  ])
  const said = await text('kubernetes/kustomization.yaml')
  for (const name of new Set(used)) expect(said).toMatch(new RegExp(`create secret \\S+ ${name} `))
  const values = workloads.flatMap((each) => containerOf(each).env.map(({ value = '' }) => value))
  for (const value of values) expect(value).not.toMatch(/:\/\/[^@$]*:[^@$]+@/)
})

test('commands that headstart has, and time for a worker to stop', () => {
  for (const each of workloads) {
    const { command, args, livenessProbe, readinessProbe } = containerOf(each)
    if (command[0] !== 'headstart') continue
    expectKnown(program, [...command.slice(1), ...args])
    const grace = valueIn(args, '--grace')
    if (grace !== undefined)
      expect(podOf(each).spec.terminationGracePeriodSeconds).toBeGreaterThan(
        (durationIn(grace) ?? 0) / 1000 + 60,
      )
    // Each holds to it: a worker does nothing that it doesn't ask for.
    expect(args[0]).toBe('/config/fleet.yaml')
    expect(containerOf(each).volumeMounts).toContainEqual({ name: 'config', mountPath: '/config' })
    if (command.at(-1) === 'serve') {
      expect(addressFlag(valueIn(args, '--listen') ?? '')).toEqual({ host: '0.0.0.0', port: 8484 })
      expect(addressFlag(valueIn(args, '--listen-notifications') ?? '')).toEqual({
        host: '0.0.0.0',
        port: 8485,
      })
      expect([livenessProbe?.httpGet?.path, readinessProbe?.httpGet?.path]).toEqual(['/healthz', '/readyz'])
    }
  }
  const kinds = ['headstart-rebuild', 'headstart-record'].map((name) =>
    valueIn(containerOf(named(name)).args, '--kinds'),
  )
  expect(kinds).toEqual(['rebuild', 'record'])
})

test("Redis takes its settings as the cluster's gets them: a password, and a file that is appended to", async () => {
  await using temp = await tempFolder()
  const port = await freePort()
  const { command, args } = containerOf(named('headstart-redis'))
  const script = (args[0] ?? '')
    .replace('valkey-server', 'redis-server')
    .replace('dir /data', `dir ${temp.path}\nport ${port}\nbind 127.0.0.1`)
  const [shell = '', ...flags] = command
  const child = spawn(shell, [...flags, script], {
    env: { ...process.env, PASSWORD: 'of-the-test' },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  const client = new Redis({ port, host: '127.0.0.1', password: 'of-the-test', retryStrategy: () => 50 })
  client.on('error', () => {})
  try {
    await until('it answers', async () => client.status === 'ready')
    const setting = async (name: string) => client.config('GET', name)
    expect(await setting('appendonly')).toEqual(['appendonly', 'yes'])
    expect(await setting('maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
    expect(await setting('requirepass')).toEqual(['requirepass', 'of-the-test'])
    // It has taken the shell's place, and so gets its signals.
    const line = await readFile(`/proc/${child.pid}/cmdline`, 'utf8')
    expect(line).toMatch(/^redis-server/)
    expect(line).not.toContain('of-the-test')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  } finally {
    client.disconnect()
    child.kill('SIGKILL')
    await ended
  }
})
