/** What the tests of transfers share: a folder, an image of a small layer and a large one, and a registry of each of the peers. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { BUILDING_MS, type PeerSet } from '../../../scripts/support/peers.ts'
import { type Registries, startRegistries, type TestRegistry } from '../../../scripts/support/registry.ts'
import { writeImage } from '../../support/images.ts'
import { dir, file } from '../../support/tar.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

/** @returns its reference */
export const twoLayers = (folder: string): Promise<string> =>
  writeImage(join(folder, 'original'), {
    layers: [[dir('etc/'), file('etc/name', 'x')], [file('big', randomBytes(700_000))]],
  })

/** Made before the file's tests, removed after them. */
export function transferPlaces() {
  let temp: TempFolder
  let original = ''
  let registries: Registries
  beforeAll(async () => {
    temp = await tempFolder()
    original = await twoLayers(temp.path)
    registries = await startRegistries()
  }, BUILDING_MS)
  afterAll(async () => {
    await registries[Symbol.asyncDispose]()
    await temp[Symbol.asyncDispose]()
  })
  return {
    get folder(): string {
      return temp.path
    },
    /** its reference */
    get original(): string {
      return original
    },
    registry: (peers: PeerSet): TestRegistry => registries.of(peers),
  }
}
