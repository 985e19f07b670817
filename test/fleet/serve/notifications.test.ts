/** Notifications in the forms of distribution and Harbor, and what isn't one. */
import { expect, test } from 'vitest'
import { parseNotification } from '../../../fleet/serve/notifications.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

test("distribution's: pushes of tags, among what else happens", () => {
  const target = { repository: 'team/web', digest: DIGEST, tag: '1' }
  const events = [
    { id: '1', action: 'push', target, request: { host: 'registry.example:5000', method: 'PUT' } },
    { action: 'push', target: { ...target, tag: undefined } },
    { action: 'pull', target },
    { action: 'delete', target },
    { action: 'push', target: { ...target, tag: 'no/tag' } },
    { action: 'push', target: { ...target, repository: '../etc' } },
    { action: 'push', target: { ...target, digest: 'sha256:1' } },
    null,
    7,
  ]
  expect(parseNotification({ events })).toEqual([
    { host: 'registry.example:5000', repository: 'team/web', tag: '1', digest: DIGEST },
    { host: undefined, repository: 'team/web', tag: '1', digest: undefined },
  ])
})

const data = {
  resources: [
    { digest: DIGEST, tag: 'v1.4', resource_url: 'harbor.example/library/debian:v1.4' },
    { digest: DIGEST, resource_url: 'harbor.example/library/debian' },
    { digest: DIGEST, tag: 'v1.5', resource_url: 'https://harbor.example/?' },
  ],
  repository: {
    date_created: 1680501430,
    name: 'debian',
    namespace: 'library',
    repo_full_name: 'library/debian',
    repo_type: 'private',
  },
}
const pushed = [
  { host: 'harbor.example', repository: 'library/debian', tag: 'v1.4', digest: DIGEST },
  { host: undefined, repository: 'library/debian', tag: 'v1.5', digest: DIGEST },
]

test("Harbor's own form, and CloudEvents", () => {
  const harbor = { type: 'PUSH_ARTIFACT', occur_at: 1680501893, operator: 'robot', event_data: data }
  expect(parseNotification(harbor)).toEqual(pushed)
  expect(parseNotification({ ...harbor, type: 'PULL_ARTIFACT' })).toEqual([])
  const cloud = { specversion: '1.0', id: '1', source: '/projects/1', type: 'harbor.artifact.pushed', data }
  expect(parseNotification(cloud)).toEqual(pushed)
  expect(parseNotification({ ...cloud, type: 'harbor.artifact.deleted' })).toEqual([])
})

test.each([
  null,
  [],
  {},
  'push',
  { events: 1 },
  { type: 'PUSH_ARTIFACT' },
  { type: 'PUSH_ARTIFACT', event_data: {} },
])('not one: %j', (body) => expect(() => parseNotification(body)).toThrow(/this is not a notification/))

test('more events than a registry sends at once', () => {
  expect(() => parseNotification({ events: Array(1001).fill(1) })).toThrow(/more than 1000 events/)
})
