/** File names for the pages of several images, after the images. Pure. */
import { type Material, titleOf } from './model/model.ts'

/** File systems allow 255 bytes, some of which go to names that are written beside it. */
const MOST = 80

/** `registry.example/team/web:1` → `web-1`: what every file system and URL takes as it is */
const slugOf = (material: Material): string =>
  titleOf(material)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, MOST) || 'image'

/**
 * @param overview the overview's file name, which the others begin with
 * @returns one for each, all different, also where case is ignored: `fleet-web-1.html`, `fleet-web-1-2.html`
 */
export function pageNames(overview: string, materials: readonly Material[]): string[] {
  const base = overview.replace(/\.html?$/, '')
  const taken = new Set([overview.toLowerCase()])
  return materials.map((material) => {
    const wanted = `${base}-${slugOf(material)}`
    let name = `${wanted}.html`
    for (let again = 2; taken.has(name.toLowerCase()); again++) name = `${wanted}-${again}.html`
    taken.add(name.toLowerCase())
    return name
  })
}
