/** Names and patterns: registries, targets, and what is a product. */
import { expect, test } from 'vitest'
import { isProduct, type Named, nameOf, repositoriesIn, targetOf } from '../../../fleet/config/names.ts'

const image = (text: string): Named => {
  const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(text) ?? []
  return { host, repository, tag }
}

test.each([
  ['app', undefined, 'docker.io', 'library/app', true],
  ['team/app', 'r.example', 'r.example', 'team/app', true],
  ['app', 'r.example', 'r.example', 'app', true],
  ['localhost:5000/app', 'r.example', 'localhost:5000', 'app', true],
  ['team/*', 'r.example', 'r.example', 'team/*', false],
  ['r2.example/team/*', 'r.example', 'r2.example', 'team/*', false],
  ['**', 'r.example', 'r.example', '**', false],
  ['{a,b.c}/x', 'r.example', 'r.example', '{a,b.c}/x', false],
])('%s in %s', (text, registry, host, pattern, isLiteral) => {
  expect(repositoriesIn(text, registry)).toEqual({ host, pattern, isLiteral })
})

test.each([
  ['{repository}:{tag}-esgz', 'r.example/a/b:v1', 'r.example/a/b:v1-esgz'],
  ['{repository}:{tag}', 'r.example/a/b:v1', 'r.example/a/b:v1'],
  ['fast/{repository}:{tag}', 'r.example/a:v1', 'r.example/fast/a:v1'],
  ['mirror.example/{repository}:{tag}', 'r.example/a:v1', 'mirror.example/a:v1'],
  ['{registry}/lazy/{repository}:{tag}', 'r.example:5000/a:v1', 'r.example:5000/lazy/a:v1'],
  [
    'mirror.example:5000/{registry}/{repository}:{tag}',
    'r.example/a:v1',
    'mirror.example:5000/r.example/a:v1',
  ],
])('%s of %s', (pattern, source, target) => {
  expect(nameOf(targetOf(pattern, image(source)))).toBe(target)
})

test.each([
  ['{repository}:{tag}-esgz', 'r.example/a:v1-esgz', true],
  ['{repository}:{tag}-esgz', 'r.example/a:esgz', false],
  ['{repository}:{tag}', 'r.example/a:v1', false],
  ['fast/{repository}:{tag}', 'r.example/fast/a:v1', true],
  ['fast/{repository}:{tag}', 'r.example/slow/fast/a:v1', false],
  ['mirror.example/{repository}:{tag}', 'mirror.example/a:v1', false],
  ['mirror.example/x/{repository}:{tag}', 'mirror.example/x/a:v1', true],
  ['{repository}/{tag}:{tag}', 'r.example/a/v1:v1', true],
  ['{repository}/{tag}:{tag}', 'r.example/a/v2:v1', false],
  ['{repository}.x:{tag}', 'r.example/ayx:v1', false],
])('%s makes %s: %s', (pattern, product, expected) => {
  expect(isProduct(pattern, image(product))).toBe(expected)
})
