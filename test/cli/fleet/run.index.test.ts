/** Images for several platforms in a fleet: all of them are made, in place too; or one, where that is asked for. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostPlatform } from '../../../image/platform.ts'
import { openSource } from '../../../image/sources.ts'
import { busyboxRoot } from '../../support/images.ts'
import { Layout } from '../../support/layout.ts'
import { file } from '../../support/tar.ts'
import { READY, type TestFleet, testFleet } from './fleet.ts'

let fleet: TestFleet
beforeAll(async () => {
  fleet = await testFleet()
  const layout = new Layout(join(fleet.box.folder, 'index'))
  const layer = await layout.layer([...(await busyboxRoot()), file('app.txt', 'app\n'.repeat(1000))])
  const config = {
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh', '-c', 'cat /app.txt; echo started; sleep 60'] },
  }
  const host = hostPlatform().architecture
  const manifests = []
  for (const architecture of [host, host === 'arm64' ? 'amd64' : 'arm64']) {
    const part = await layout.image(architecture, [layer], { config })
    manifests.push({ ...part, platform: { os: 'linux', architecture } })
  }
  const place = await layout.finish(await layout.index(manifests))
  for (const name of ['apart:1', 'place:1', 'one:1'])
    expect(await fleet.box.run(['copy', place, `docker://${fleet.host}/${name}`, '--all'])).toMatchObject({
      status: 0,
    })
  await fleet.write(`${READY}
images:
  - repositories: [apart]
  - { repositories: [place], target: '{repository}:{tag}' }
  - { repositories: [one], platforms: host }
`)
})
afterAll(() => fleet[Symbol.asyncDispose]())

/** How many images the tag's index has; 0: it is an image itself. */
const imagesIn = async (name: string): Promise<number> => {
  await using source = await openSource(`docker://${fleet.host}/${name}`)
  return (await source.index())?.manifests.length ?? 0
}

test('each is made as its entry says, once, and is known again when the state is lost', async () => {
  const first = await fleet.fleet(['run'])
  expect(first.status, first.stderr).toBe(0)
  expect(first.stderr.match(/: recorded start in/g)).toHaveLength(3)
  for (const name of ['apart:1-esgz', 'place:1', 'one:1-esgz'])
    expect(await fleet.box.run(['verify', `docker://${fleet.host}/${name}`])).toMatchObject({ status: 0 })
  expect([await imagesIn('apart:1-esgz'), await imagesIn('place:1'), await imagesIn('one:1-esgz')]).toEqual([
    2, 2, 0,
  ])
  expect(await fleet.fleet(['run'])).toMatchObject({ status: 0, stderr: '3 images: 3 up to date\n' })
  fleet.proxy.take()
  expect(await fleet.fleet(['run', '--state', 'lost.sqlite'])).toMatchObject({
    status: 0,
    stderr: '3 images: 3 up to date\n',
  })
  expect(fleet.proxy.take().filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([])
})
