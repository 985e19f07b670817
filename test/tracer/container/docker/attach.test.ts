/** The size of a container's terminal, where the engine refuses it at first, or takes its time: when it does is up to the engine. */
import { expect, test } from 'vitest'
import { until } from '../../../../scripts/support/until.ts'
import { followSize } from '../../../../tracer/container/docker/attach.ts'

/** A terminal that is given other sizes. */
function terminalOf(rows: number, columns: number) {
  let size = { rows, columns }
  let changed = () => {}
  const terminal = {
    size: () => size,
    onResize: (told: () => void) => {
      changed = told
      return { [Symbol.dispose]() {} }
    },
  }
  return {
    terminal,
    becomes(rows: number, columns: number) {
      size = { rows, columns }
      changed()
    },
  }
}

test('a size that is refused is given again, and so is each new one', async () => {
  const given: string[] = []
  let refusals = 3
  const container = {
    async resize({ h, w }: { readonly h: number; readonly w: number }) {
      if (refusals-- > 0) throw new Error('the terminal is not there yet')
      given.push(`${h} ${w}`)
    },
  }
  const { terminal, becomes } = terminalOf(33, 99)
  using _following = followSize(container, terminal)
  await until('it is taken', () => given.length === 1)
  refusals = 1
  becomes(44, 88)
  await until('the new one is taken, too', () => given.length === 2)
  expect(given).toEqual(['33 99', '44 88'])
})

test('while the engine is at one size, the next one waits, so that the last one is the last to arrive', async () => {
  const asked: { readonly size: string; readonly answer: () => void }[] = []
  const container = {
    async resize({ h, w }: { readonly h: number; readonly w: number }) {
      const { promise, resolve } = Promise.withResolvers<void>()
      asked.push({ size: `${h} ${w}`, answer: resolve })
      await promise
    },
  }
  const { terminal, becomes } = terminalOf(33, 99)
  using _following = followSize(container, terminal)
  becomes(44, 99)
  becomes(44, 88)
  expect(asked.map(({ size }) => size)).toEqual(['33 99'])
  asked[0]?.answer()
  await until('the newest is asked for', () => asked.length > 1)
  expect(asked.map(({ size }) => size)).toEqual(['33 99', '44 88'])
})
