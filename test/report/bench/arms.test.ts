/** Which arms a measurement has. */
import { expect, test } from 'vitest'
import { planArms } from '../../../report/bench/arms.ts'
import { chooseLink } from '../../../report/bench/link/presets.ts'
import { imageAt } from './image-at.ts'

const link = chooseLink('wan')
const images = { original: imageAt('oci:original'), optimized: imageAt('oci:optimized'), others: [] }

test('all arms that there are images for, or those that are named', () => {
  const others = [{ name: 'ours', image: imageAt('oci:ours') }]
  expect(planArms({ images: { ...images, others }, link })).toEqual([
    { id: 'legacy', kind: 'legacy', image: 'original' },
    { id: 'lazy', kind: 'lazy', image: 'lazy' },
    { id: 'optimized', kind: 'optimized', image: 'optimized' },
    { id: 'ours', kind: 'other', image: 'ours' },
  ])
  expect(planArms({ images, link, arms: ['optimized', 'legacy'] }).map(({ id }) => id)).toEqual([
    'legacy',
    'optimized',
  ])
})

test('arms that there are no images for are refused', () => {
  const { optimized: _, ...without } = images
  expect(() => planArms({ images, link, arms: ['fast'] })).toThrow(/no arm named "fast"/)
  expect(() => planArms({ images: without, link, arms: ['optimized'] })).toThrow(/no arm named/)
  const others = [{ name: 'lazy', image: imageAt('oci:x') }]
  expect(() => planArms({ images: { ...images, others }, link })).toThrow(/the same name/)
  expect(() => planArms({ images, link, arms: [] })).toThrow(/at least one/)
  expect(() => planArms({ images, link, arms: ['legacy'], audit: true })).toThrow(/an audit needs/)
})

test('over the real network there is no lazy arm: its image is made here', () => {
  const remote = { ...images, original: imageAt('docker://registry.example/app:1') }
  const ids = (name: string) => planArms({ images: remote, link: chooseLink(name) }).map(({ id }) => id)
  expect(ids('none')).toEqual(['legacy', 'optimized'])
  expect(ids('lan')).toEqual(['legacy', 'lazy', 'optimized'])
})
