/** A prefetch that is not waited for: while the registry gives none of it the mount is there, and a read waits for what is on its way. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { serveImages } from '../../../../../image/serve.ts'
import { openSource } from '../../../../../image/sources.ts'
import { serve } from '../../../../../scripts/support/serve.ts'
import { until } from '../../../../../scripts/support/until.ts'
import { lazyTree } from '../../../../../tracer/mount/lazy/tree.ts'
import { mountFileSystem } from '../../../../../tracer/mount/mount.ts'
import { type TempFolder, tempFolder } from '../../../../support/temp.ts'
import { writeLazyImage } from '../estargz-image.ts'

/** Passes everything on, what it is told to hold only once it is let through. */
async function startGate(upstream: string, isHeld: (path: string, range: string) => boolean) {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  let held = 0
  const server = createServer(async (request, response) => {
    const { range } = request.headers
    if (isHeld(request.url ?? '', range ?? '')) {
      held++
      ask()
      await opened
    }
    const answer = await fetch(`http://${upstream}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { accept: request.headers.accept ?? '*/*', ...(range && { range }) },
    }).catch(() => undefined) // what was held may be let through when all is over
    if (!answer) return void response.destroy()
    response.writeHead(answer.status, Object.fromEntries(answer.headers))
    await pipeline(answer.body ? Readable.fromWeb(answer.body) : Readable.from([]), response).catch(() => {})
  })
  const serving = await serve(server)
  return { ...serving, open, asked, held: () => held }
}

/** Its prefetch is not waited for. */
async function mounted(temp: TempFolder, host: string, profile?: { readonly attached: boolean }) {
  return mountFileSystem({
    mountPoint: await temp.sub('mount'),
    tree: {
      ...lazyTree({ reference: `docker://${host}/app:1`, prefetch: 'stream', ...(profile && { profile }) }),
      cacheFolder: await temp.sub('cache'),
    },
    record: false,
    server: 'kernel',
  })
}

test('the mount is complete without its prefetch, and a read of what is on its way asks nobody else', async () => {
  await using temp = await tempFolder()
  const app = randomBytes(300_000)
  const reference = await writeLazyImage(await temp.sub('image'), [
    { zone: [{ name: 'app', content: app }], rest: [] },
  ])
  await using server = await serveImages({ 'app:1': await (await openSource(reference)).image() })
  await using gate = await startGate(server.host, (_, range) => range.startsWith('bytes=0-'))
  await using mount = await mounted(temp, gate.host)
  await gate.asked
  expect(await mount.prefetchPlan()).toMatchObject({ by: 'zone', requests: 1 })
  expect((await mount.counters()).prefetch.bytes).toBe(0)
  const read = readFile(join(mount.folder, 'app'))
  gate.open()
  expect(await read).toEqual(app)
  expect(gate.held()).toBe(1)
  expect((await mount.counters()).onDemand.requests).toBe(0)
})

test('a registry that never lists what is attached keeps nobody waiting for long', async () => {
  await using temp = await tempFolder()
  const reference = await writeLazyImage(await temp.sub('image'), [
    { zone: [{ name: 'app', content: randomBytes(300_000) }], rest: [] },
  ])
  await using server = await serveImages({ 'app:1': await (await openSource(reference)).image() })
  await using gate = await startGate(server.host, (path) => path.includes('/referrers/'))
  await using mount = await mounted(temp, gate.host, { attached: true })
  const { by, notes } = await mount.prefetchPlan()
  // The second, where the tables of contents took that long.
  const late = /^the attached profiles (took too long to arrive|did not arrive within 10 s)$/
  expect([by, notes]).toEqual(['zone', [expect.stringMatching(late)]])
  gate.open()
})

test('a zone is on its way while the table of contents of another layer is not there yet', async () => {
  await using temp = await tempFolder()
  const reference = await writeLazyImage(await temp.sub('image'), [
    { zone: [{ name: 'app', content: randomBytes(300_000) }], rest: [] },
    { zone: [{ name: 'late', content: randomBytes(10) }], rest: [] },
  ])
  const image = await (await openSource(reference)).image()
  const late = image.layers[1]?.descriptor.digest ?? 'none'
  await using server = await serveImages({ 'app:1': image })
  let isAsked = false
  await using gate = await startGate(server.host, (path, range) => {
    if (range.startsWith('bytes=0-')) isAsked = true
    return path.includes(late)
  })
  const opening = mounted(temp, gate.host)
  await until('the first zone is asked for', () => isAsked)
  gate.open()
  await using mount = await opening
  expect(await mount.prefetchPlan()).toMatchObject({ by: 'zone', requests: 2 })
  await readFile(join(mount.folder, 'app'))
  expect((await mount.counters()).onDemand.requests).toBe(0)
})
