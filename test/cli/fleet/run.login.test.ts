/** A registry that requires a login: the machine's own is used, and it is written nowhere. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startRegistry } from '../../../scripts/support/registry.ts'
import { sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'

const PASSWORD = 'correct-horse-battery'

test('what docker login keeps is used for lists, looks and jobs; without it, it is said what is missing', async () => {
  await using registry = await startRegistry({ auth: { user: 'ci', password: PASSWORD } })
  await using box = await sandbox()
  const docker = join(box.folder, 'docker')
  await mkdir(docker)
  const auth = Buffer.from(`ci:${PASSWORD}`).toString('base64')
  await writeFile(join(docker, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
  const env = { DOCKER_CONFIG: docker }
  const image = await busyboxImage(join(box.folder, 'image'), {
    command: 'cat /app.txt; echo started; sleep 60',
  })
  expect(await box.run(['copy', image, `docker://${registry.host}/app:1`], { env })).toMatchObject({
    status: 0,
  })
  await writeFile(
    join(box.folder, 'fleet.yaml'),
    `version: 1\nregistry: ${registry.host}\nimages: [{ repositories: ['*'], ready: { log: started } }]\n`,
  )
  const [state, folder] = [join(box.folder, 'state'), join(box.folder, 'empty')]
  await mkdir(folder)
  const refused = await box.run(['fleet', 'run', '--state', join(state, 'x.sqlite')], {
    env: { DOCKER_CONFIG: folder },
  })
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/^warning: .* does not list its repositories, .* answered 401/m)
  const { status, stdout, stderr } = await box.run(['fleet', 'run', '--state', join(state, 'x.sqlite')], {
    env,
  })
  expect(status, stderr).toBe(0)
  expect(stderr).toMatch(/app:1-esgz: rebuilt in/)
  const kept = await Promise.all((await readdir(state)).map((name) => readFile(join(state, name), 'latin1')))
  for (const text of [stdout, stderr, ...kept])
    for (const secret of [PASSWORD, auth]) expect(text).not.toContain(secret)
})
