/** What is told of an engine's failures: in a line, of a length, without what opens a registry's storage. */
import { expect, test } from 'vitest'
import { engineError } from '../../../image/daemon/client.ts'

test('an engine that quotes a signed address', () => {
  const said =
    'Get "https://user:hunter2@s3.example/layer?X-Amz-Signature=hunter2&token=hunter2": dial tcp:\n  no route'
  expect(engineError(new Error(said), 'pull x').message).toBe(
    'the Docker engine failed to pull x: Get "https://***@s3.example/layer?***": dial tcp: no route',
  )
})

test('an engine that says a great deal', () => {
  expect(engineError(new Error('x'.repeat(1_000_000)), 'load x').message.length).toBeLessThan(2100)
})
