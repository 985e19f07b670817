/** What the report calls an image. */
import { expect, test } from 'vitest'
import { titleOf } from '../../../../report/page/model/model.ts'
import { makeMaterial } from '../../../../scripts/support/material.ts'

test.each([
  ['registry.example/team/app:1@sha256:0123', 'app:1'],
  ['docker-daemon:app:1', 'app:1'],
  ['oci:/images/app', 'app'],
  ['oci:app:1', 'app:1'],
])('%s is called %s', (reference, name) => {
  const { trace } = makeMaterial({ files: 1 })
  if (!trace) throw new Error('there is no trace')
  expect(titleOf({ trace: { ...trace, image: { ...trace.image, reference } } })).toBe(name)
})
