/** Flags of docker run, as other commands have them. */
import { expect, test } from 'vitest'
import { runOptions } from '../../../cli/flags/run.ts'

test('a container is named by whoever runs it, and not by a --name that is of something else', async () => {
  const ofProfile = { user: 'web', name: 'start' }
  expect(await runOptions(ofProfile)).toEqual({ user: 'web' })
  expect(await runOptions(ofProfile, 'mine')).toEqual({ user: 'web', name: 'mine' })
})
