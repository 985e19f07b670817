/** What runs headstart elsewhere: the action's script as a job runs it, and the fields and commands of all templates. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { type CommandDefinition, definitionOf } from '../../cli/definition.ts'
import { listenForInterrupts } from '../../cli/interrupt.ts'
import { createProgram } from '../../cli/main.ts'
import { startRegistry, type TestRegistry } from '../../scripts/support/registry.ts'
import { runCommand, tryCommand } from '../../system/process/command.ts'
import { type Sandbox, sandbox } from '../support/headstart.ts'
import { busyboxImage } from '../support/images.ts'
import { asNobody } from '../support/nobody.ts'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const text = (path: string) => readFile(file(path), 'utf8')

describe("the action's script", () => {
  let box: Sandbox
  let registry: TestRegistry
  let image: string

  beforeAll(async () => {
    box = await sandbox()
    registry = await startRegistry()
    const made = await busyboxImage(join(box.folder, 'image'), {
      command: 'cat /app.txt; echo served; sleep 60',
    })
    image = `docker://${registry.host}/web:1`
    expect(await box.run(['copy', made, image])).toMatchObject({ status: 0 })
    await runCommand('chmod', ['1777', box.folder])
  })
  afterAll(async () => {
    await registry[Symbol.asyncDispose]()
    await box[Symbol.asyncDispose]()
  })

  const environment = (inputs: Readonly<Record<string, string>>) => ({
    ...inputs,
    PATH: process.env.PATH ?? '',
    HOME: box.folder,
    HEADSTART_TMPDIR: join(box.folder, 'work'),
    GITHUB_OUTPUT: join(box.folder, 'output'),
    GITHUB_STEP_SUMMARY: join(box.folder, 'page.md'),
  })
  const trace = () => join(box.folder, 'traces/web.json')
  const outputs = () => readFile(join(box.folder, 'output'), 'utf8')
  const empty = () =>
    Promise.all(['output', 'page.md'].map((name) => writeFile(join(box.folder, name), '', { mode: 0o666 })))

  test('the recording job: a trace, and nothing rebuilt', async () => {
    await empty()
    const inputs = {
      IMAGE: image,
      TRACE: trace(),
      READY_LOG: '^served',
      PROFILE_FLAGS: '--engine\nrunc\n--env\nA=b c',
    }
    await runCommand('bash', [file('deploy/action.sh')], { env: environment(inputs), cwd: box.folder })
    expect(await outputs()).toBe(`trace=${trace()}\n`)
    expect(await box.run(['trace', 'show', trace()])).toMatchObject({ status: 0 })
  })

  test('the job of every build: no root, the digest, and a table', async () => {
    await rm(join(box.folder, 'work'), { recursive: true, force: true })
    await empty()
    await runCommand('chmod', ['a+rw', join(box.folder, 'output'), join(box.folder, 'page.md'), trace()])
    const target = `docker://${registry.host}/web:1-esgz`
    await asNobody(`cd ${box.folder} && exec bash ${file('deploy/action.sh')}`, {
      ...environment({ IMAGE: image, TARGET: target, TRACE: trace(), OPTIMIZE_FLAGS: '--min-coverage\n90%' }),
      HEADSTART_TMPDIR: '/var/tmp',
    })
    const [, digest = ''] = /^digest=(sha256:[0-9a-f]{64})$/m.exec(await outputs()) ?? []
    expect(await outputs()).toBe(`trace=${trace()}\ndigest=${digest}\nimage=${target}@${digest}\n`)
    expect(await readFile(join(box.folder, 'page.md'), 'utf8')).toMatch(
      /^### headstart: `docker:.*web:1-esgz`\n\n\| image \| bytes \| \|\n[\s\S]*\| prefetched \| .* \| \d+ of \d+ files of the start \|/,
    )
    const { status, stdout } = await box.run(['doctor', `${target.replace(/:1-esgz$/, '')}@${digest}`])
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/206/) })
  })

  test.each([
    [{ TRACE: 'none.json' }, /no input says when the container is ready/],
    [{ IMAGE: '', TRACE: 'none.json' }, /the input image is missing/],
    [{ TRACE: '' }, /the input trace is empty/],
  ])('what is missing is an error of the job: %j', async (inputs, said) => {
    const env = environment({ IMAGE: image, TARGET: 'oci:out', ...inputs })
    const { status, stdout } = await tryCommand('bash', [file('deploy/action.sh')], { env, cwd: box.folder })
    expect(stdout).toMatch(/^::error::/)
    expect(stdout).toMatch(said)
    expect(status).toBe(1)
  })
})

const named = z.object({ name: z.string() })
const step = z.strictObject({
  id: z.string().optional(),
  name: z.string().optional(),
  uses: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  run: z.string().optional(),
  shell: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
})
/** As documented in "Metadata syntax for GitHub Actions". */
const actionSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  inputs: z.record(
    z.string(),
    z.strictObject({
      description: z.string(),
      required: z.boolean().optional(),
      default: z.string().optional(),
    }),
  ),
  outputs: z.record(z.string(), z.strictObject({ description: z.string(), value: z.string() })),
  runs: z.strictObject({ using: z.literal('composite'), steps: z.array(step) }),
})

test('action.yml: each input reaches the script, and each step with a command names its shell', async () => {
  const action = actionSchema.parse(parse(await text('action.yml')))
  const steps = action.runs.steps
  for (const { run, uses, shell } of steps) {
    expect([run, uses].filter(Boolean)).toHaveLength(1)
    if (run !== undefined) expect(shell).toBe('bash')
  }
  const env = steps.find(({ id }) => id === 'run')?.env ?? {}
  expect(Object.values(env).sort()).toEqual(
    Object.keys(action.inputs)
      .map((input) => `\${{ inputs.${input} }}`)
      .sort(),
  )
  const script = await text('deploy/action.sh')
  for (const name of Object.keys(env)) expect(script).toMatch(new RegExp(`\\$(\\{)?${name}\\b`))
  for (const output of Object.keys(action.outputs)) expect(script).toContain(`output ${output} `)
})

const security = z.strictObject({
  privileged: z.boolean().optional(),
  allowPrivilegeEscalation: z.boolean().optional(),
  capabilities: z.strictObject({ drop: z.array(z.string()) }).optional(),
})
const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()),
  args: z.array(z.string()),
  workingDir: z.string().optional(),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  securityContext: security,
  volumeMounts: z.array(named.extend({ mountPath: z.string(), readOnly: z.boolean().optional() })).optional(),
})
const meta = z.strictObject({ name: z.string() })
/** As documented in Tekton's "Tasks", tekton.dev/v1. */
const taskSchema = z.strictObject({
  apiVersion: z.literal('tekton.dev/v1'),
  kind: z.literal('Task'),
  metadata: meta,
  spec: z.strictObject({
    params: z.array(z.strictObject({ name: z.string(), description: z.string() })),
    workspaces: z.array(z.strictObject({ name: z.string(), optional: z.boolean().optional() })),
    steps: z.array(container),
  }),
})
/** As in Kubernetes' reference, batch/v1. */
const jobSchema = z.strictObject({
  apiVersion: z.literal('batch/v1'),
  kind: z.literal('Job'),
  metadata: meta,
  spec: z.strictObject({
    backoffLimit: z.number(),
    template: z.strictObject({
      spec: z.strictObject({
        restartPolicy: z.literal('Never'),
        // What they do is tried in test/package/container.test.ts.
        initContainers: z.array(z.looseObject({ command: z.array(z.string()) })),
        containers: z.array(container),
        volumes: z.array(z.looseObject({ name: z.string() })),
      }),
    }),
  }),
})
const gitlabJob = z.strictObject({
  extends: z.string().optional(),
  image: z.strictObject({ name: z.string(), entrypoint: z.array(z.string()) }).optional(),
  variables: z.record(z.string(), z.string()).optional(),
  tags: z.array(z.string()).optional(),
  before_script: z.array(z.string()).optional(),
  script: z.array(z.string()).optional(),
  artifacts: z.strictObject({ paths: z.array(z.string()) }).optional(),
})

const documents = async (path: string) =>
  parseAllDocuments(await text(path)).map((each): unknown => each.toJS())

describe('templates', () => {
  let program: CommandDefinition
  beforeAll(async () => {
    using interrupts = listenForInterrupts()
    program = definitionOf(await createProgram(interrupts))
  })

  /** Every flag is one of the command's. */
  function expectKnown(words: readonly string[]): void {
    const [, name, ...rest] = words
    const command = program.commands.find((each) => each.name === name)
    const known = command?.options.flatMap(({ names }) => names) ?? []
    expect(known, name).toEqual(expect.arrayContaining(rest.filter((word) => /^--?[a-z]/.test(word))))
  }

  const isPrivileged = ({ securityContext }: z.infer<typeof container>) => securityContext.privileged === true

  test('Tekton: the recording step alone is privileged', async () => {
    const tasks = z.array(taskSchema).parse(await documents('deploy/tekton.yml'))
    for (const { spec } of tasks)
      for (const { command, args } of spec.steps) {
        expectKnown([...command, ...args])
        const used = [...JSON.stringify(spec.steps).matchAll(/\$\(params\.([a-z-]+)\)/g)].map(
          ([, name]) => name,
        )
        expect(new Set(used)).toEqual(new Set(spec.params.map(({ name }) => name)))
      }
    expect(tasks.map(({ metadata, spec }) => [metadata.name, spec.steps.map(isPrivileged)])).toEqual([
      ['headstart-record', [true]],
      ['headstart-rebuild', [false]],
    ])
  })

  test('Kubernetes: the recording job alone is privileged, and all that is mounted is there', async () => {
    const [claim, ...jobs] = await documents('deploy/kubernetes-jobs.yml')
    expect(claim).toMatchObject({ kind: 'PersistentVolumeClaim', metadata: { name: 'headstart-traces' } })
    const parsed = z.array(jobSchema).parse(jobs)
    for (const { spec } of parsed) {
      const { containers, volumes } = spec.template.spec
      for (const { command, args, volumeMounts = [] } of containers) {
        expectKnown([...command, ...args])
        expect(volumeMounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name))
      }
    }
    const rights = parsed.map(({ spec }) => spec.template.spec.containers.map(isPrivileged))
    expect(rights).toEqual([[true], [false]])
  })

  test('GitLab: commands that the shell and headstart understand', async () => {
    const jobs = z.record(z.string(), gitlabJob).parse(parse(await text('deploy/gitlab.yml')))
    expect(Object.keys(jobs)).toEqual(['.headstart', '.headstart-record', '.headstart-rebuild'])
    for (const { script = [], before_script = [] } of Object.values(jobs)) {
      await runCommand('sh', ['-n', '-c', [...before_script, ...script].join('\n')])
      for (const line of script) expectKnown(line.split(/\s+/))
    }
    expect(jobs['.headstart-record']?.tags).toEqual(['privileged'])
  })

  test("GitLab's login is one that headstart reads", async () => {
    const jobs = z.record(z.string(), gitlabJob).parse(parse(await text('deploy/gitlab.yml')))
    await using box = await sandbox()
    const env = {
      PATH: process.env.PATH,
      HOME: box.folder,
      CI_REGISTRY: 'r.example',
      CI_REGISTRY_USER: 'me',
      CI_REGISTRY_PASSWORD: 'a:"b',
    }
    await runCommand('sh', ['-ec', (jobs['.headstart']?.before_script ?? []).join('\n')], { env })
    const login: unknown = JSON.parse(await readFile(join(box.folder, '.docker/config.json'), 'utf8'))
    expect(login).toEqual({ auths: { 'r.example': { auth: Buffer.from('me:a:"b').toString('base64') } } })
  })
})
