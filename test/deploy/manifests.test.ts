/**
 * Kubernetes, Kustomize and Compose, by their own code, are the judges of what a fleet is deployed with; KEDA by the definition of its resource. Each
 * finds nothing wrong, and does find a wrong field: one that it doesn't know, and one of another type.
 */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildNewest } from '../../scripts/support/newest.ts'
import { BUILDING_MS, peerSets } from '../../scripts/support/peers.ts'
import { runCommand, tryCommand } from '../../system/process/command.ts'
import { tempFolder } from '../support/temp.ts'

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const KUBERNETES = path('../../deploy/kubernetes')
const COMPOSE = path('../../deploy/compose.yaml')

describe.skipIf(!peerSets.includes('newest'))('by the newest peers', () => {
  let programs: string
  let rendered: string

  beforeAll(async () => {
    programs = await buildNewest('manifests')
    rendered = await runCommand(join(programs, 'kustomize'), ['build', KUBERNETES])
  }, BUILDING_MS)

  /** @returns a line for each fault that the API server would find */
  const faultsOf = (manifests: string): Promise<string> =>
    runCommand(join(programs, 'manifests'), [path('scaledobject.yaml')], { input: manifests })

  test('Kustomize renders the cluster, and Kubernetes takes each part', async () => {
    expect([...rendered.matchAll(/^kind: (.*)/gm)].map(([, kind]) => kind).toSorted()).toEqual([
      'ConfigMap',
      'DaemonSet',
      'Deployment',
      'Deployment',
      'NetworkPolicy',
      'NetworkPolicy',
      'ScaledObject',
      'Service',
      'Service',
      'StatefulSet',
    ])
    expect(await faultsOf(rendered)).toBe('')
  })

  test('the jobs for one image are taken, too, and a wrong field of theirs is found', async () => {
    const jobs = await readFile(path('../../deploy/kubernetes-jobs.yml'), 'utf8')
    expect(await faultsOf(jobs)).toBe('')
    expect(await faultsOf(jobs.replace('restartPolicy: Never', 'restartPolicy: Newer'))).toContain(
      'restartPolicy',
    )
  })

  test.each([
    [
      'readOnlyRootFilesystem',
      'readOnlyRootFs',
      'Deployment headstart-server: strict decoding error: unknown',
    ],
    ['fsGroup: 999', 'fsGroup: redis', 'StatefulSet headstart-redis: json: cannot unmarshal string'],
    ['operator: Exists', 'operator: Exist', 'DaemonSet headstart-record: spec.template.spec.tolerations[0]'],
    ['targetPort: page', 'targetPort: pa ge', 'Service headstart-server: spec.ports[0].targetPort: Invalid'],
    ['- podSelector: {}', '- podSelecter: {}', 'NetworkPolicy headstart-server: strict decoding error'],
    ['cooldownPeriod: 300', 'cooldown: 300', 'ScaledObject headstart-rebuild: unknown field "spec.cooldown"'],
    ['maxReplicaCount: 10', 'maxReplicaCount: ten', 'ScaledObject headstart-rebuild: spec.maxReplicaCount:'],
    ['kind: ScaledObject', 'kind: ScaledObjekt', 'ScaledObjekt headstart-rebuild: no kind'],
  ])('Kubernetes and KEDA find a wrong field: %s', async (right, wrong, said) => {
    expect(rendered).toContain(right)
    expect(await faultsOf(rendered.replaceAll(right, wrong))).toContain(said)
  })

  test('Kustomize finds a wrong field', async () => {
    await using folder = await tempFolder()
    await cp(KUBERNETES, folder.path, { recursive: true })
    const root = join(folder.path, 'kustomization.yaml')
    await writeFile(root, (await readFile(root, 'utf8')).replace('newTag:', 'newTagg:'))
    const { stderr } = await tryCommand(join(programs, 'kustomize'), ['build', folder.path])
    expect(stderr).toContain('unknown field "newTagg"')
  })

  test('Compose takes the parts of one host, and finds a wrong field', async () => {
    await using folder = await tempFolder()
    const program = join(programs, 'cmd')
    expect(await tryCommand(program, [COMPOSE])).toMatchObject({ status: 0 })
    const written = await readFile(COMPOSE, 'utf8')
    for (const [right, wrong, said] of [
      ['stop_grace_period:', 'stop_grace:', 'stop_grace'],
      ['privileged: true', 'privileged: [yes]', 'services.record.privileged'],
    ] as const) {
      expect(written).toContain(right)
      const broken = join(folder.path, 'compose.yaml')
      await writeFile(broken, written.replaceAll(right, wrong))
      const { status, stderr } = await tryCommand(program, [broken])
      expect([status, stderr]).toEqual([1, expect.stringContaining(said)])
    }
  })
})
