/**
 * The mount against a read-only folder with the same tree: thousands of questions as five users, and the same answer or the same error to
 * each, but for what `differences.ts` owns up to.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { runCommand } from '../../../../system/process/command.ts'
import { type Mount, mountFileSystem, type ServerName } from '../../../../tracer/mount/mount.ts'
import { type TempFolder, tempFolder } from '../../../support/temp.ts'
import { type Difference, differencesOf } from './differences.ts'

const ERRORS = [
  'EACCES',
  'EAGAIN',
  'EBADF',
  'ECONNREFUSED',
  'EEXIST',
  'EINVAL',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENODATA',
  'ENOENT',
  'ENOEXEC',
  'ENOTDIR',
  'ENOTSUP',
  'ENXIO',
  'EPERM',
  'ERANGE',
  'EROFS',
]

type Answers = ReadonlyMap<string, unknown>

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

async function ask(folder: string): Promise<Answers> {
  const answers = await runCommand('python3', [script('probe.py'), folder])
  return new Map(Object.entries(z.record(z.string(), z.unknown()).parse(JSON.parse(answers))))
}

let temp: TempFolder
let plain: string
let expected: Answers

beforeAll(async () => {
  temp = await tempFolder()
  await runCommand('chmod', ['755', temp.path])
  const tree = await temp.sub('tree')
  await runCommand('python3', [script('tree.py'), tree])
  // Read-only as the mount is, and as powerless, and as an engine's layers are: an overlay that has no upper folder.
  const empty = await temp.sub('empty')
  plain = await temp.sub('plain')
  await runCommand('mount', [
    '-t',
    'overlay',
    '-o',
    `ro,nosuid,nodev,lowerdir=${tree}:${empty}`,
    'headstart',
    plain,
  ])
  expected = await ask(plain)
})

afterAll(() => temp[Symbol.asyncDispose]())

async function mounted(server: ServerName): Promise<Mount> {
  return mountFileSystem({
    mountPoint: await temp.sub(server),
    tree: { kind: 'directory', folder: plain },
    record: true,
    allowOther: true, // the questions are asked as five users
    server,
  })
}

/** What `differs` and is not owned up to, and what is owned up to and doesn't differ. */
function compare(actual: Answers, differences: readonly Difference[]) {
  const unused = new Set(differences)
  const found: unknown[] = []
  for (const [question, answer] of expected) {
    const given = actual.get(question)
    if (JSON.stringify(given) === JSON.stringify(answer)) continue
    const known = differences.find(({ of, explains }) => of.test(question) && explains(answer, given))
    if (known) unused.delete(known)
    else found.push({ question, folder: answer, mount: given })
  }
  return { found, unused: [...unused] }
}

test('the questions are many, and get errors of all kinds', () => {
  expect(expected.size).toBeGreaterThan(10_000)
  const errors = new Set([...expected.values()].map(String).filter((value) => /^E[A-Z]+$/.test(value)))
  expect([...errors].sort()).toEqual(ERRORS)
})

describe.each<ServerName>(['fuse-native', 'kernel'])('%s', (server) => {
  test('answers as the folder does', async () => {
    await using mount = await mounted(server)
    const { found, unused } = compare(await ask(mount.folder), differencesOf(server))
    expect(found).toEqual([])
    expect(unused).toEqual([])
  })
})
