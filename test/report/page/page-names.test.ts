/** The names of the pages of several images. */
import { expect, test } from 'vitest'
import { pageNames } from '../../../report/page/page-names.ts'
import { makeMaterial } from '../../../scripts/support/material.ts'

const { trace } = makeMaterial({ files: 10 })
const named = (reference: string) => ({ trace: { ...trace, image: { ...trace.image, reference } } })
const namesOf = (...references: string[]) => pageNames('fleet.html', references.map(named))

test('are those of the images', () => {
  expect(namesOf('registry.example/team/web:1', 'oci:/srv/api')).toEqual([
    'fleet-web-1.html',
    'fleet-api.html',
  ])
})

test('are different for each, whatever the images are called', () => {
  expect(namesOf('a/web:1', 'b/web:1', 'c/Web:1')).toEqual([
    'fleet-web-1.html',
    'fleet-web-1-2.html',
    'fleet-Web-1-3.html',
  ])
  const [long = ''] = namesOf('x'.repeat(500))
  expect(long.length).toBeLessThan(100)
})

test('stay in the folder, and need no escaping in a link', () => {
  for (const name of namesOf('..', 'oci:..\\..', 'javascript:alert(1)', 'app:…', '.hidden', '<b>'))
    expect(name).toMatch(/^fleet-\w[\w.-]*\.html$/)
})
