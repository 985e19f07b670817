/** What tests of random layers share: a bench to convert them on, an oracle that judges them, and zones of picked files. */
import { afterAll, beforeAll } from 'vitest'
import { type Oracle, startOracle } from '../peers/oracle/oracle.ts'
import { type LayerBench, layerBench } from './layers.ts'
import type { UnpackedFile } from './unpack-model.ts'

/** Opened before the file's tests, closed after them. */
export function judgedBench() {
  const made: { bench?: LayerBench; oracle?: Oracle } = {}
  beforeAll(async () => {
    made.bench = await layerBench()
    made.oracle = await startOracle()
  })
  afterAll(async () => {
    await made.oracle?.[Symbol.asyncDispose]()
    await made.bench?.[Symbol.asyncDispose]()
  })
  const there = <T>(one: T | undefined): T => {
    if (one === undefined) throw new Error('it is made before the tests')
    return one
  }
  return {
    get bench(): LayerBench {
      return there(made.bench)
    },
    get oracle(): Oracle {
      return there(made.oracle)
    },
  }
}

/** Paths of the layer, whatever is picked. */
export const zoneOf = (picks: readonly number[], files: readonly UnpackedFile[]): string[] =>
  picks.flatMap((pick) => files[pick % Math.max(1, files.length)]?.entry.path ?? [])
