/** Which arms a measurement has. */
import { expect, test } from 'vitest'
import { givenFor, planArms } from '../../../report/bench/arms.ts'
import { chooseLink } from '../../../report/bench/link/presets.ts'
import { bareImage } from '../../support/images.ts'

const link = chooseLink('wan')
const images = {
  original: bareImage({ reference: 'oci:original' }),
  optimized: bareImage({ reference: 'oci:optimized' }),
  others: [],
}

test('all arms that there are images for, or those that are named', () => {
  const others = [{ name: 'ours', image: bareImage({ reference: 'oci:ours' }) }]
  const all = planArms({ ...images, others }, { link })
  expect(all).toMatchObject([
    { id: 'legacy', kind: 'legacy', image: 'original', staging: 'copy' },
    { id: 'lazy', kind: 'lazy', image: 'lazy', staging: 'convert' },
    { id: 'optimized', kind: 'optimized', image: 'optimized', staging: 'copy' },
    { id: 'ours', kind: 'other', image: 'ours', staging: 'copy' },
  ])
  const { original, optimized } = images
  expect(all.map((arm) => givenFor({ ...images, others }, arm))).toEqual([
    original,
    original,
    optimized,
    others[0]?.image,
  ])
  expect(planArms(images, { link, arms: ['optimized', 'legacy'] }).map(({ id }) => id)).toEqual([
    'legacy',
    'optimized',
  ])
})

test('arms that there are no images for are refused', () => {
  const { optimized: _, ...without } = images
  expect(() => planArms(images, { link, arms: ['fast'] })).toThrow(/no arm named "fast"/)
  expect(() => planArms(without, { link, arms: ['optimized'] })).toThrow(/no arm named/)
  for (const name of ['original', 'legacy', 'lazy', 'optimized']) {
    const others = [{ name, image: bareImage({ reference: 'oci:x' }) }]
    expect(() => planArms({ ...images, others }, { link }), name).toThrow(/the same name/)
  }
  expect(() => planArms(images, { link, arms: [] })).toThrow(/at least one/)
  expect(() => planArms(images, { link, arms: ['legacy'], audit: true })).toThrow(/an audit needs/)
})

test('over the real network there is no lazy arm: its image is made here', () => {
  const remote = { ...images, original: bareImage({ reference: 'docker://registry.example/app:1' }) }
  const staged = (name: string) =>
    planArms(remote, { link: chooseLink(name) }).map(({ id, staging }) => `${id}: ${staging}`)
  expect(staged('none')).toEqual(['legacy: direct', 'optimized: copy'])
  expect(staged('lan')).toEqual(['legacy: copy', 'lazy: convert', 'optimized: copy'])
})

test('a full pull is guessed to wait for all bytes of the link, a lazy one for a part', () => {
  const image = bareImage({ reference: 'oci:big' })
  const layer = { mediaType: '', digest: image.descriptor.digest, size: 100e6 }
  const big = { ...image, manifest: { ...image.manifest, layers: [layer] } }
  const guesses = (name: string) =>
    planArms({ original: big, others: [] }, { link: chooseLink(name) }).map(({ guessMs }) => guessMs)
  const [full = 0, lazy = 0] = guesses('wan')
  expect(full).toBeGreaterThan(8000)
  expect(lazy).toBeLessThan(full)
  expect(guesses('none')[0]).toBeLessThan(lazy)
})
