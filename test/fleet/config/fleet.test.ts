/** fleet.yaml: what it means, and where it is wrong. */
import { describe, expect, test } from 'vitest'
import { entryFor, parseFleet, workOf } from '../../../fleet/config/fleet.ts'
import type { Named } from '../../../fleet/config/names.ts'
import { jobId } from '../../../fleet/job.ts'
import { refusalOf } from '../../../fleet/perform/flags.ts'

const DIGEST = `sha256:${'a'.repeat(64)}` as const
const image = (repository: string, tag = 'v1', host = 'registry.example'): Named => ({
  host,
  repository,
  tag,
})
const manifest = { digest: DIGEST, mediaType: 'application/vnd.oci.image.manifest.v1+json' }
const index = { digest: DIGEST, mediaType: 'application/vnd.oci.image.index.v1+json' }

const FULL = `
version: 1
registry: registry.example
defaults:
  minCoverage: 70%
  budget: { growth: 15%, prefetch: 40MB }
  ready: { log: listening, timeout: 2m }
images:
  - repositories: [team/*, other.example/x/web]
    exceptRepositories: [team/secret]
    tags: [v*, latest]
    exceptTags: ['*-rc*']
  - repositories: [shop]
    target: '{repository}:{tag}'
    link: { bandwidth: 50Mbit, latency: 20 }
    split: off
    optimize: [--max-zone=20MB]
    env: [DB_URL, MODE=test]
    workloads:
      - { name: checkout, ready: { http: 'http://localhost:8080/buy', status: 200 }, command: [serve, --fast] }
      - { name: idle }
`

describe('what it means', () => {
  const fleet = parseFleet(FULL, 'fleet.yaml')
  const entryOf = (named: Named) => entryFor(fleet, named)

  test('an image belongs to the first entry that has it; products and exceptions to none', () => {
    const [team, shop] = fleet.entries
    expect(entryOf(image('team/web'))).toBe(team)
    expect(entryOf(image('x/web', 'latest', 'other.example'))).toBe(team)
    expect(entryOf(image('shop', 'anything'))).toBe(shop)
    for (const none of [
      image('team/web', 'main'),
      image('team/web', 'v1-rc2'),
      image('team/secret'),
      image('team/web/deeper'),
      image('team/web', 'v1', 'elsewhere.example'),
      image('team/web', 'v1-esgz'),
      image('shop', `sha256-${'b'.repeat(64)}`),
      image('shop', `sha256-${'b'.repeat(64)}.sig`),
      image('shop', 'v1-esgztoc'),
    ])
      expect([none, entryOf(none)]).toEqual([none, undefined])
  })

  test('settings come from the entry, else from the defaults, else from headstart', () => {
    const [team, shop] = fleet.entries
    if (!team || !shop) throw new Error('two entries')
    expect(workOf(team, image('team/web'), manifest)).toEqual({
      source: 'registry.example/team/web:v1',
      digest: DIGEST,
      target: 'registry.example/team/web:v1-esgz',
      workloads: [{ name: 'start', flags: ['--ready-log=listening', '--timeout=2m'], command: [] }],
      optimizeFlags: ['--split=auto', '--bandwidth=100Mbit', '--latency=10ms'],
      minCoverage: 0.7,
      budget: { growth: 0.15, prefetchBytes: 40e6 },
    })
    expect(workOf(shop, image('shop'), index)).toMatchObject({
      target: 'registry.example/shop:v1',
      optimizeFlags: [
        '--split=off',
        '--bandwidth=50Mbit',
        '--latency=20ms',
        '--max-zone=20MB',
        '--all-platforms',
      ],
      workloads: [
        {
          name: 'checkout',
          flags: [
            '--ready-http=http://localhost:8080/buy',
            '--ready-status=200',
            '--env=DB_URL',
            '--env=MODE=test',
          ],
          command: ['serve', '--fast'],
        },
        {
          name: 'idle',
          flags: ['--ready-log=listening', '--timeout=2m', '--env=DB_URL', '--env=MODE=test'],
          command: [],
        },
      ],
    })
  })

  test('an index is made for all its platforms, unless it is to be for one', () => {
    const [team] = fleet.entries
    if (!team) throw new Error('an entry')
    const [one] = parseFleet(entry('    platforms: host\n'), 'fleet.yaml').entries
    if (!one) throw new Error('an entry')
    expect(workOf(one, image('app'), index).optimizeFlags).not.toContain('--all-platforms')
    expect(workOf(team, image('team/web'), index).optimizeFlags).toContain('--all-platforms')
    expect(workOf(team, image('team/web'), manifest).optimizeFlags).not.toContain('--all-platforms')
  })

  test('the same work has the same name, and another setting makes another', () => {
    const ids = [FULL, FULL, FULL.replace('70%', '71%'), FULL.replace('listening', 'ready')].map((text) => {
      const [team] = parseFleet(text, 'fleet.yaml').entries
      return team && jobId({ kind: 'rebuild', work: workOf(team, image('team/web'), manifest) })
    })
    expect(ids[0]).toBe(ids[1])
    expect(new Set(ids).size).toBe(3)
  })

  test('variables need the word of the machine that records', () => {
    const shop = fleet.entries[1]
    if (!shop) throw new Error('two entries')
    const work = workOf(shop, image('shop'), manifest)
    expect(refusalOf(work, new Set())).toMatch(/^--env reaches into the machine .* --allow env:DB_URL/)
    expect(refusalOf(work, new Set(['env:DB_URL']))).toBeUndefined()
  })
})

const entry = (more: string) => `version: 1\nimages:\n  - repositories: [app]\n${more}`

describe('where it is wrong', () => {
  test.each([
    ['version: 2\nimages: []\n', '1:1: this headstart knows version 1 alone'],
    ['version: 1\n', '1:1: images is missing'],
    ['version: 1\nimages: []\n', '2:1: images is empty'],
    ['version: 1\nimages:\n  - tags: [v1]\n', '3:5: repositories is missing'],
    ['version: 1\nimages:\n  - repository: [v1]\n', '3:5: there is no setting "repository" here'],
    ['version: 1\nimages:\n  - repositories: app\n', '3:5: repositories is to be a list'],
    ['version: 1\nimages:\n  - repositories: [[app]]\n', '3:20: this is to be text'],
    ['version: 1\nimages: app\n', '2:1: images is to be a list'],
    ['just text\n', '1:1: fleet.yaml is to be settings, each with its name'],
    [entry('    split: sometimes\n'), '4:5: split is to be '],
    [entry('    link: moon\n'), '4:5: link is to be lan, wan, or edge'],
    [entry('    ready: { tcp: 70000 }\n'), '4:14: tcp is to be 65535 or less'],
    [entry('    tag: [v1]\n'), '4:5: there is no setting "tag" here'],
    [
      entry('    ready: { http: localhost:80 }\n'),
      '4:14: "localhost:80" is not a URL such as http://localhost:8080/health',
    ],
    [entry('    ready: { log: "(" }\n'), '4:14: "(" is not a regular expression'],
    [
      entry('    ready: { log: up, tcp: 80 }\n'),
      "4:23: log and tcp can't be combined: a container is ready in one way",
    ],
    [entry('    ready: { status: 200 }\n'), '4:14: status and body are of http, which is missing'],
    [
      entry('    ready:\n      timeout: soon\n'),
      '5:7: "soon" is not a time such as 500ms, 10s, 2m or 1h, at most 24d',
    ],
    [
      entry('    target: "app:{tag}"\n'),
      '4:5: a target needs {repository}, so that two images have two targets',
    ],
    [
      entry('    target: "{repo}:{tag}"\n'),
      '4:5: a target has no {repo}: it has {registry}, {repository} and {tag}',
    ],
    [
      entry('    target: "{repository}:{tag}"\n    platforms: host\n'),
      '5:5: in place, platforms can only be all: an index that is replaced by one image loses its others',
    ],
    [entry('    minCoverage: 120%\n'), '4:5: "120%" is not a share such as 80%'],
    [entry('    budget: { growth: lots }\n'), '4:15: "lots" is not a share such as 10%'],
    [entry('    flags: [--output=/etc/passwd]\n'), '4:13: --output is not a flag that a workload can have'],
    [entry('    optimize: [--trace=x]\n'), '4:16: --trace is not a flag that an image can have'],
    [entry('    env: [API_TOKEN=hunter2]\n'), /^4:11: API_TOKEN looks like a secret: give its name alone/],
    [entry('    link: { bandwidth: fast, latency: 1ms }\n'), '4:13: "fast" is not a rate such as 100Mbit'],
    [entry('    workloads:\n      - { name: a }\n      - { name: a }\n'), '4:5: two workloads are named a'],
    [entry('    workloads:\n      - { name: ../a }\n'), /^5:11: "\.\.\/a" is not a valid profile name/],
    ['version: 1\nimages:\n  - repositories: [App]\n', /^3:20: .*repository names are lower case/],
    ['version: 1\nimages:\n  - repositories: ["app:v1"]\n', /^3:20: "app:v1" has a tag or a digest/],
    ['version: 1\nregistry: web\nimages:\n  - repositories: [app]\n', '2:1: "web" is not a registry\'s host'],
    ['version: 1\nversion: 1\n', /^2:1: Map keys must be unique/],
    ['version: 1\nimages: [\n', /^3:1: /],
    ['version: !!js/function x\n', /^1:10: Unresolved tag/],
    ['version: 1\n---\nversion: 1\n', /^2:1: .*multiple documents/i],
    ['', '1:1: it is empty'],
    ['# nothing but words\n', '1:1: it is empty'],
  ])('%j', (text, expected) => {
    const where =
      typeof expected === 'string'
        ? expect.stringContaining(`fleet.yaml:${expected}`)
        : expect.stringMatching(new RegExp(`^fleet\\.yaml:${expected.source.replace(/^\^/, '')}`))
    let message = ''
    try {
      parseFleet(text, 'fleet.yaml')
    } catch (error) {
      message = error instanceof Error ? error.message : ''
    }
    expect(message).toEqual(where)
    expect(message).not.toContain('\n')
  })

  test('a text that multiplies itself is refused before it takes memory', () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
    for (let level = 0; level < 12; level += 1) {
      const [from, to] = [String.fromCharCode(97 + level), String.fromCharCode(98 + level)]
      lines.push(`${to}: &${to} [${Array.from({ length: 10 }, () => `*${from}`).join(', ')}]`)
    }
    expect(() => parseFleet(lines.join('\n'), 'fleet.yaml')).toThrow(/refers to parts of itself too often/)
  })

  test('a secret value is not repeated', () => {
    expect(() => parseFleet(entry('    env: [API_TOKEN=hunter2]\n'), 'fleet.yaml')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})
