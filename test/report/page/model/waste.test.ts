/** What the start never read. */
import { expect, test } from 'vitest'
import { findWaste } from '../../../../report/page/model/waste.ts'
import { fact } from './fact.ts'

test('groups with a file that was read are not waste', () => {
  const waste = findWaste(
    [fact('usr/bin/a', 10, 5), fact('usr/bin/b', 900), fact('opt/x/c', 50), fact('opt/y/d', 80)],
    10,
  )
  expect(waste.map(({ group, size }) => [group, size])).toEqual([
    ['/opt/y', 80],
    ['/opt/x', 50],
  ])
})
