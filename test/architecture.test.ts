/**
 * The floors of the house: imports point down, cli → fleet, report → optimizer, tracer → image → system; index.ts, the library, is a door beside cli. No two files import each other in a
 * circle, a test looks no higher than what it tests, and the eStargz library stands by itself. What breaks a rule fails here by name.
 */
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

const BELOW: Record<string, readonly string[]> = {
  system: [],
  image: ['system'],
  tracer: ['image', 'system'],
  optimizer: ['image', 'system'],
  report: ['optimizer', 'tracer', 'image', 'system'],
  fleet: ['optimizer', 'tracer', 'image', 'system'],
  cli: ['fleet', 'report', 'optimizer', 'tracer', 'image', 'system'],
  // The one step that joins tracer and optimizer is the command's, too.
  'index.ts': ['cli/startup.ts', 'optimizer', 'tracer', 'image', 'system'],
}

/** What the eStargz library may use besides itself: the tar format, digests, and the ground floor. */
const ESTARGZ_MAY_USE =
  /^(image\/estargz\/|image\/tar\/|image\/digest\.ts$|image\/compression\/zstd-frames\.ts$|system\/)/

type Sources = ReadonlyMap<string, string>

const read = (pattern: string): Sources =>
  new Map(globSync(pattern).map((file) => [file.replaceAll('\\', '/'), readFileSync(file, 'utf8')]))

const sources = read('{index.ts,{system,image,tracer,optimizer,report,fleet,cli}/**/*.{ts,js}}')
const tests = read('test/{system,image,tracer,optimizer,report,fleet}/**/*.ts')

/** Files of ours that a file names in its imports, and the workers that it starts. */
function importsOf(file: string, text: string): string[] {
  const found = text.matchAll(/(?:from|import|import\(|new URL\()\s*'(\.[^']+\.(?:ts|js))'/g)
  return [...found].map(([, path = '']) => posix.join(posix.dirname(file), path))
}

const floorOf = (file: string): string => file.split('/')[0] ?? ''

function importsUp(files: Sources): string[] {
  return [...files].flatMap(([file, text]) =>
    importsOf(file, text)
      .filter(
        (target) =>
          floorOf(target) !== floorOf(file) &&
          !BELOW[floorOf(file)]?.some((below) => below === floorOf(target) || below === target),
      )
      .map((target) => `${file} imports ${target}`),
  )
}

/** A test of `test/FLOOR/` may use that floor and those below it, and what tests share. */
function testsThatLookUp(files: Sources): string[] {
  return [...files].flatMap(([file, text]) => {
    const floor = file.split('/')[1] ?? ''
    const may = [floor, ...(BELOW[floor] ?? [])]
    return importsOf(file, text)
      .filter((target) => {
        const [first = '', second = ''] = target.split('/')
        return first === 'test'
          ? !['support', 'peers', ...may].includes(second)
          : first in BELOW && !may.includes(first)
      })
      .map((target) => `${file} imports ${target}`)
  })
}

/** Each circle once, as the way round it. */
function circles(files: Sources): string[] {
  const done = new Set<string>()
  const way: string[] = []
  const found = new Set<string>()
  const visit = (file: string): void => {
    const start = way.indexOf(file)
    if (start !== -1) {
      found.add([...way.slice(start), file].join(' → '))
      return
    }
    if (done.has(file)) return
    way.push(file)
    for (const target of importsOf(file, files.get(file) ?? '')) if (files.has(target)) visit(target)
    way.pop()
    done.add(file)
  }
  for (const file of files.keys()) visit(file)
  return [...found]
}

test('every import of ours points down', () => {
  expect(sources.size).toBeGreaterThan(200)
  expect(importsUp(sources)).toEqual([])
})

test('no files import each other in a circle', () => {
  expect(circles(sources)).toEqual([])
})

test('a test of a lower floor imports nothing of a higher one', () => {
  expect(tests.size).toBeGreaterThan(50)
  expect(testsThatLookUp(tests)).toEqual([])
})

test('the eStargz library knows of no image, plan or network', () => {
  const library = [...sources].filter(([file]) => file.startsWith('image/estargz/'))
  expect(library.length).toBeGreaterThan(5)
  const strays = library.flatMap(([file, text]) =>
    importsOf(file, text)
      .filter((target) => !ESTARGZ_MAY_USE.test(target))
      .map((target) => `${file} imports ${target}`),
  )
  expect(strays).toEqual([])
})

/** More than these in one folder, and nobody finds a file by looking. */
const MOST_FILES = 20

function crowded(files: Iterable<string>): string[] {
  const folders = Map.groupBy(files, (file) => posix.dirname(file))
  return [...folders].flatMap(([folder, { length }]) => (length > MOST_FILES ? [`${folder}: ${length}`] : []))
}

test('a folder has few enough files to be read at a glance', () => {
  expect(crowded([...sources.keys(), ...globSync('{test,scripts}/**/*.ts')])).toEqual([])
})

test('every file says in its first lines what it is for', () => {
  const silent = [...sources]
    .filter(([, text]) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(text))
    .map(([file]) => file)
  expect(silent).toEqual([])
})

test('the rules see what breaks them', () => {
  const file = (path: string, ...imports: string[]): [string, string] => [
    path,
    imports.map((target) => `import { x } from '${target}'`).join('\n'),
  ]
  expect(importsUp(new Map([file('image/a.ts', '../cli/x.ts')]))).toEqual(['image/a.ts imports cli/x.ts'])
  expect(importsUp(new Map([file('tracer/mount/a.ts', '../../optimizer/x.ts')]))).toHaveLength(1)
  expect(importsUp(new Map([file('system/a.ts', '../image/x.ts')]))).toHaveLength(1)
  expect(importsUp(new Map([file('report/bench/a.ts', '../../tracer/x.ts')]))).toEqual([])
  expect(importsUp(new Map([file('index.ts', './cli/main.ts', './cli/startup.ts')]))).toEqual([
    'index.ts imports cli/main.ts',
  ])
  expect(
    circles(
      new Map([file('image/a.ts', './b.ts'), file('image/b.ts', './c.ts'), file('image/c.ts', './a.ts')]),
    ),
  ).toEqual(['image/a.ts → image/b.ts → image/c.ts → image/a.ts'])
  expect(crowded(Array.from({ length: 21 }, (_, n) => `system/${n}.ts`))).toEqual(['system: 21'])
  expect(testsThatLookUp(new Map([file('test/image/a.test.ts', '../../optimizer/x.ts')]))).toHaveLength(1)
  expect(testsThatLookUp(new Map([file('test/image/a.test.ts', '../optimizer/x.ts')]))).toHaveLength(1)
  expect(
    testsThatLookUp(new Map([file('test/tracer/a.test.ts', '../../image/x.ts', '../support/tar.ts')])),
  ).toEqual([])
})
