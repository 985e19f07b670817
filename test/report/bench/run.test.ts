/** Real measurements of a small image: full pull and lazy mounts through a shaped link, containers on runc. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { copyImage } from '../../../image/copy.ts'
import { openSource } from '../../../image/sources.ts'
import { openTarget } from '../../../image/targets.ts'
import type { Image } from '../../../image/types.ts'
import { type Bench, readBench, writeBench } from '../../../report/bench/file.ts'
import { chooseLink } from '../../../report/bench/link/presets.ts'
import { runBench } from '../../../report/bench/run.ts'
import { bytesOf, samplesOf, totalOf } from '../../../report/bench/summary.ts'
import { startRegistry } from '../../../scripts/support/registry.ts'
import { workspaceRoot } from '../../../system/workspace.ts'
import { mountsOfOurs } from '../../support/mounts.ts'
import { optimized, startFile } from '../../support/optimized.ts'
import { benchRequest, smallImages } from './small-images.ts'

const made = smallImages()

const workspacesOfOurs = async (): Promise<string[]> =>
  (await readdir(workspaceRoot())).filter((name) => name.startsWith(`headstart-${process.pid}-`))

const only = (bench: Bench, arm: string) => {
  const [sample] = samplesOf(bench, arm)
  if (!sample) throw new Error(`no sample of ${arm}`)
  return sample
}

describe('the built-in runtime', () => {
  test('measures the three arms: what each fetches, when, and what the images are made of', async () => {
    const doing: string[] = []
    const bench = await runBench(
      made.images,
      benchRequest({ onProgress: (progress) => doing.push(progress.doing) }),
    )
    const [legacy, lazy, fast] = [only(bench, 'legacy'), only(bench, 'lazy'), only(bench, 'optimized')]

    const { images, layerBytes } = made
    expect(legacy.traffic.prefetch.bytes).toBe(layerBytes)
    expect(legacy.unpack.map(({ bytes }) => bytes)).toEqual(
      images.original.layers.map((layer) => layer.descriptor.size),
    )
    // 3.9 MB and more at 60 Mbit/s take over half a second, whatever this machine does.
    expect(legacy.phases.prefetch).toBeGreaterThan((layerBytes * 8) / 60_000)

    for (const sample of [lazy, fast]) {
      expect(bytesOf(sample)).toBeLessThan(layerBytes / 2)
      expect(sample.traffic.tocs.requests).toBeGreaterThan(0)
      expect(sample.timeline.at(-1)).toEqual([expect.closeTo(totalOf(sample), 0), bytesOf(sample)])
    }
    expect(lazy.traffic.prefetch.bytes).toBe(0)
    expect(lazy.traffic.ready.bytes).toBeGreaterThan(400_000)
    expect(fast.traffic.prefetch.bytes).toBeGreaterThan(400_000)
    expect(fast.traffic.ready.requests).toBeLessThan(lazy.traffic.ready.requests)

    const { layers, files } = bench.images.optimized ?? { layers: [], files: [] }
    expect(layers.every((layer) => layer.estargz && layer.zoneBytes > 0 && layer.tocBytes > 0)).toBe(true)
    expect(
      files
        ?.filter((row) => row[4] === 1)
        .map(([path]) => path)
        .sort(),
    ).toEqual(['bin/busybox', 'data/small', 'data/wanted'])
    expect(bench.images.original?.layers.some((layer) => layer.estargz)).toBe(false)
    expect(doing).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\d+ samples of legacy, lazy, optimized$/),
        'legacy',
        'lazy',
        'optimized',
      ]),
    )
    expect(bench).toMatchObject({ interrupted: false, pageCacheDropped: true })

    const path = join(made.folder, 'bench.json')
    await writeBench(path, bench)
    expect(await readBench(path)).toEqual(bench)
    expect(await mountsOfOurs()).toEqual([])
    expect(await workspacesOfOurs()).toEqual([])
  })

  test('fetches tables of contents that are in another image from the link, too', async () => {
    await using registry = await startRegistry()
    const reference = `docker://${registry.host}/app:1`
    const startup = ['bin/busybox', 'data/wanted', 'data/small'].map(startFile)
    const options = { prioritize: 'all', format: 'estargz+external-toc' } as const
    await optimized(made.images.original.reference, reference, { startup, options })
    await using source = await openSource(reference)
    const images = { original: made.images.original, optimized: await source.image(), others: [] }
    const { traffic } = only(await runBench(images, benchRequest({ arms: ['optimized'] })), 'optimized')
    // A footer of each layer, and of the other image its manifest, its config and as many tables.
    expect(traffic.tocs.requests).toBeGreaterThanOrEqual(5)
    expect(traffic.tocs.bytes).toBeGreaterThan(500)
    expect(traffic.prefetch.bytes).toBeGreaterThan(400_000)
  })

  test('keeps the samples it has when it is interrupted, and leaves nothing behind', async () => {
    const stop = new AbortController()
    const kept: Bench[] = []
    const bench = await runBench(
      made.images,
      benchRequest({
        arms: ['lazy', 'optimized'],
        rounds: { samples: 3, warmups: 0 },
        signal: stop.signal,
        onSample: async (soFar) => void kept.push(soFar),
        onProgress: ({ turns }) => {
          if (turns?.done === 2) setTimeout(() => stop.abort(new Error('Ctrl-C')), 150)
        },
      }),
    )
    expect(bench.interrupted).toBe(true)
    // However far the third came in that time.
    expect(bench.samples.length).toBeOneOf([2, 3])
    expect(kept.map(({ samples }) => samples.length)).toEqual([1, 2, 3].slice(0, bench.samples.length))
    expect(await mountsOfOurs()).toEqual([])
    expect(await workspacesOfOurs()).toEqual([])
  })

  test('pulls from the registry itself when the link is left as it is', async () => {
    await using registry = await startRegistry()
    const push = async (image: Image, name: string) => {
      const reference = `docker://${registry.host}/team/${name}:1`
      await using target = await openTarget(reference)
      await target.prepare({ force: false })
      await copyImage(image, target)
      return (await openSource(reference)).image()
    }
    const [original, optimized] = [
      await push(made.images.original, 'app'),
      await push(made.images.optimized, 'app-esgz'),
    ]
    const link = chooseLink('none')
    const bench = await runBench({ original, optimized, others: [] }, benchRequest({ link }))
    expect(bench.arms.map(({ id }) => id)).toEqual(['legacy', 'optimized'])
    expect(bench.images.original?.reference).toContain(registry.host)
    expect(bytesOf(only(bench, 'legacy'))).toBeGreaterThan(bytesOf(only(bench, 'optimized')))
    await expect(
      runBench({ original, optimized, others: [] }, benchRequest({ link, arms: ['lazy'] })),
    ).rejects.toThrow(/no arm named "lazy"/)
  })

  test('a start that fails ends the measurement with its reason', async () => {
    const start = { ...benchRequest().start, command: ['/bin/sh', '-c', 'echo broken; exit 3'] }
    await expect(runBench(made.images, benchRequest({ arms: ['optimized'], start }))).rejects.toThrow(
      /status 3 before it was ready.*broken/,
    )
    expect(await mountsOfOurs()).toEqual([])
  })
})
