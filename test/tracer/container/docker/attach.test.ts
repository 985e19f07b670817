/** The size of a container's terminal, where the engine refuses it at first: when it does is up to the engine. */
import { expect, test } from 'vitest'
import { until } from '../../../../scripts/support/until.ts'
import { followSize } from '../../../../tracer/container/docker/attach.ts'

test('a size that is refused is given again, and so is each new one', async () => {
  const given: string[] = []
  let refusals = 3
  const container = {
    async resize({ h, w }: { readonly h: number; readonly w: number }) {
      if (refusals-- > 0) throw new Error('the terminal is not there yet')
      given.push(`${h} ${w}`)
    },
  }
  let size = { rows: 33, columns: 99 }
  let changed = () => {}
  const terminal = {
    size: () => size,
    onResize: (told: () => void) => {
      changed = told
      return { [Symbol.dispose]() {} }
    },
  }
  using _following = followSize(container, terminal)
  await until('it is taken', () => given.length === 1)
  size = { rows: 44, columns: 88 }
  refusals = 1
  changed()
  await until('the new one is taken, too', () => given.length === 2)
  expect(given).toEqual(['33 99', '44 88'])
})
