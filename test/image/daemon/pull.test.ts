/** The engine pulls from a registry that asks who it is, as the one whom docker login made known. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { type PullProgress, pullCounter, pullIntoEngine } from '../../../image/daemon/pull.ts'
import { parseReference } from '../../../image/reference.ts'
import { startRegistry } from '../../../scripts/support/registry.ts'
import { copy } from '../../support/copy.ts'
import { dockerEngine } from '../../support/engine.ts'
import { writeImage } from '../../support/images.ts'
import { file } from '../../support/tar.ts'
import { tempFolder } from '../../support/temp.ts'

afterEach(() => vi.unstubAllEnvs())

test('with the credentials that are saved, and not without', async () => {
  await using temp = await tempFolder()
  const auth = { user: 'somebody', password: 'hunter2-hunter2' }
  await using registry = await startRegistry({ auth })
  const docker = await dockerEngine()
  const name = `${registry.host}/private:1`
  const saved = Buffer.from(`${auth.user}:${auth.password}`).toString('base64')
  await writeFile(
    join(temp.path, 'config.json'),
    JSON.stringify({ auths: { [registry.host]: { auth: saved } } }),
  )
  vi.stubEnv('DOCKER_CONFIG', temp.path)
  await copy(
    await writeImage(await temp.sub('image'), { layers: [[file('a', temp.path)]] }),
    `docker://${name}`,
  )
  await pullIntoEngine(docker, parseReference(name))
  expect((await docker.getImage(name).inspect()).RepoTags).toEqual([name])
  await docker.getImage(name).remove({ force: true })

  vi.stubEnv('DOCKER_CONFIG', await temp.sub('empty'))
  const refused = pullIntoEngine(docker, parseReference(name))
  await expect(refused).rejects.toMatchObject({
    code: 'E_IMAGE_NOT_FOUND',
    message: expect.not.stringContaining('hunter2'),
  })
})

test('what it has fetched is summed over the layers that it has begun; other lines are none of it', () => {
  const seen: PullProgress[] = []
  const take = pullCounter((progress) => void seen.push(progress))
  const layer = (id: string, current: number, total: number, status = 'Downloading') =>
    take({ status, id, progressDetail: { current, total } })
  layer('a', 10, 100)
  layer('b', 5, 50)
  layer('a', 100, 100)
  layer('a', 7, 300, 'Extracting')
  for (const other of [
    null,
    'text',
    {},
    { status: 'Downloading', id: 'c' },
    { status: 'Pulling from web', id: '1' },
  ])
    take(other)
  expect(seen).toEqual([
    { done: 10, total: 100 },
    { done: 15, total: 150 },
    { done: 105, total: 150 },
  ])
})
