/** A tag that exists is not overwritten by accident, whatever the registry supports; and a manifest that was not stored is noticed. */
import { expect, test } from 'vitest'
import { openTarget } from '../../../image/targets.ts'
import { startLooseRegistry } from '../../support/loose-registry.ts'
import { isManifest, push, says } from './loose-trial.ts'

test('push: a tag that can’t be asked for is not taken to be free', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    isManifest(asked) && asked.method !== 'PUT' ? { status: 405 } : answer(),
  )
  await expect(push(registry.host)).rejects.toThrow(/answered 405 to GET/)
  expect(registry.manifests.size).toBe(0)
})

test('push: HEAD that knows less than GET doesn’t hide a tag', async () => {
  await using registry = await startLooseRegistry(says('HEAD', isManifest, 405))
  await push(registry.host)
  await expect(push(registry.host)).rejects.toThrow(/already exists/)
})

test('push: what takes everything and keeps nothing is found out', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    asked.method === 'PUT' && isManifest(asked) ? { status: 200 } : answer(),
  )
  await expect(push(registry.host)).rejects.toThrow(
    /accepted docker:.* without an error but doesn't have it$/,
  )
})

test('push: a tag that can’t be read is replaced all the same where that is asked for', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    isManifest(asked) && asked.method !== 'PUT' ? { status: 501 } : answer(),
  )
  await using target = await openTarget(`docker://${registry.host}/team/app:v1`)
  await target.prepare({ force: true })
  expect(await target.replaced?.()).toBeUndefined()
})

test('push: what a tag names isn’t taken for unknown where we are refused', async () => {
  await using registry = await startLooseRegistry((asked, answer) =>
    isManifest(asked) && asked.method !== 'PUT' ? { status: 403 } : answer(),
  )
  await using target = await openTarget(`docker://${registry.host}/team/app:v1`)
  await expect(target.replaced?.()).rejects.toMatchObject({ code: 'E_UNAUTHORIZED' })
})
