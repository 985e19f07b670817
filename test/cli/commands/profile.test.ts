/** `profile --push`: what was recorded is attached to the image, and optimize needs nothing else. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { startRegistry } from '../../../scripts/support/registry.ts'
import { parseTrace } from '../../../tracer/trace/file.ts'
import { copy } from '../../support/copy.ts'
import { sandbox } from '../../support/headstart.ts'
import { busyboxImage } from '../../support/images.ts'

test('a start is recorded, attached, and found by optimize; where nothing can be attached, nothing is recorded', async () => {
  await using box = await sandbox()
  await using registry = await startRegistry()
  const command = 'cat /app.txt && echo ready && sleep 600'
  const original = await busyboxImage(join(box.folder, 'image'), { command })
  const place = `docker://${registry.host}/app:v1`
  const digest = await copy(original, place)
  const record = (reference: string, ...flags: string[]) =>
    box.run(['profile', reference, '--engine', 'runc', '--ready-log', '^ready', ...flags])

  const recorded = await record(place, '--push', '--name', 'web', '-o', '-')
  expect(recorded).toMatchObject({ status: 0, stderr: expect.stringMatching(/^written to stdout$/m) })
  expect(parseTrace(recorded.stdout, 'stdout').image.digest).toBe(digest)
  expect(recorded.stderr).toMatch(RegExp(`^profile web \\(sha256:\\w+\\) is attached to ${digest}$`, 'm'))
  const optimized = await box.run(['optimize', place, `oci:${box.folder}/fast:v1`, '--json'])
  expect(optimized).toMatchObject({ status: 0, stderr: expect.stringContaining('using profile web,') })
  expect(JSON.parse(optimized.stdout)).toMatchObject({ coverage: 1, missing: [] })

  const archive = `docker-archive:${box.folder}/image.tar:app:v1`
  await copy(original, archive)
  const nowhere = await record(archive, '--push')
  expect(nowhere).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing can be attached to') })
  expect(nowhere.stderr).not.toContain('recording')
  const plain = join(box.folder, 'plain.tar')
  await copy(original, `oci-archive:${plain}`)
  await writeFile(`${plain}.gz`, gzipSync(await readFile(plain)))
  const packed = await record(`oci-archive:${plain}.gz`, '--push')
  expect(packed).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/nothing can .* it is compressed$/m),
  })
  expect(packed.stderr).not.toContain('recording')
  const nameless = await record(place, '--name', 'web')
  expect(nameless).toMatchObject({ status: 2, stderr: expect.stringContaining('--name requires --push') })
  expect(await box.leftovers()).toEqual([])
})
