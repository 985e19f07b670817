/** Imports point down: cli → report → optimizer, tracer → image. A file that looks up, or sideways, fails here by name. */
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

const allowed: Record<string, readonly string[]> = {
  image: [],
  tracer: ['image'],
  optimizer: ['image'],
  report: ['optimizer', 'tracer', 'image'],
  cli: ['report', 'optimizer', 'tracer', 'image'],
}

const files = globSync('{image,tracer,optimizer,report,cli}/**/*.{ts,js}')

function violations(file: string, source: string): string[] {
  const home = file.split('/')[0] ?? ''
  return [...source.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].flatMap((match) => {
    const target = posix.join(posix.dirname(file), match[1] ?? '').split('/')[0] ?? ''
    return target === home || allowed[home]?.includes(target) ? [] : [`${file} imports ${match[1]}`]
  })
}

test('every import of ours points down', () => {
  expect(files.length).toBeGreaterThan(3)
  expect(files.flatMap((file) => violations(file, readFileSync(file, 'utf8')))).toEqual([])
})

test('the check sees an import that points up', () => {
  expect(violations('image/a.ts', "import { x } from '../cli/x.ts'")).toEqual([
    'image/a.ts imports ../cli/x.ts',
  ])
  expect(violations('tracer/fuse/a.ts', "import { x } from '../../optimizer/x.ts'")).toHaveLength(1)
  expect(violations('report/bench/a.ts', "import { x } from '../../tracer/x.ts'")).toEqual([])
})

test('every file says in its first lines what it is for', () => {
  const silent = files.filter((file) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(readFileSync(file, 'utf8')))
  expect(silent).toEqual([])
})
