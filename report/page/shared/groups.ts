/** The package or folder that a file belongs to, judged by its path. Pure; runs in the page as well. */

const PACKAGES: readonly RegExp[] = [
  /^(.*\/(?:site|dist)-packages\/)([^/]+)/,
  /^(.*?node_modules\/)((?:@[^/]+\/)?[^/]+)/,
  /^(.*\/gems\/)([^/]+)(?=\/)/,
  /^(usr\/(?:share\/(?:doc|locale|man|zoneinfo|perl|fonts|icons)|lib\/(?:[a-z0-9_]+-linux-gnu|python3[^/]*|ruby|go[^/]*|jvm)))()/,
]

/** `usr/lib/python3/dist-packages/numpy/core/x.so` → `usr/lib/python3/dist-packages/numpy`; otherwise the first two folders. */
export function groupOf(path: string): string {
  for (const pattern of PACKAGES) {
    const match = pattern.exec(path)
    if (match) return `${match[1]}${match[2]}`
  }
  const folders = path.split('/').slice(0, -1)
  return folders.slice(0, 2).join('/') || '/'
}
