/** Small tars, made where a test needs them, so that the test shows what is inside. */
import { type Header, pack } from 'tar-stream'

/** A header as tar-stream takes it, and the content of a file. */
export type TarItem = Partial<Header> & { readonly name: string; readonly content?: string | Buffer }

const base = { mtime: new Date(1_600_000_000_000), uid: 0, gid: 0 }

export const dir = (name: string, rest: Partial<Header> = {}): TarItem => ({
  ...base,
  name,
  type: 'directory',
  mode: 0o755,
  ...rest,
})
export const file = (name: string, content: string | Buffer = '', rest: Partial<Header> = {}): TarItem => ({
  ...base,
  name,
  type: 'file',
  mode: 0o644,
  content,
  ...rest,
})
export const symlink = (name: string, linkname: string): TarItem => ({
  ...base,
  name,
  type: 'symlink',
  linkname,
  mode: 0o777,
})
export const hardlink = (name: string, linkname: string): TarItem => ({
  ...base,
  name,
  type: 'link',
  linkname,
})
export const device = (name: string, devmajor: number, devminor: number): TarItem => ({
  ...base,
  name,
  type: 'character-device',
  mode: 0o666,
  devmajor,
  devminor,
})
export const fifo = (name: string): TarItem => ({ name, type: 'fifo', mode: 0o644 })
export const whiteout = (name: string): TarItem => file(name.replace(/([^/]+)$/, '.wh.$1'))
export const opaque = (folder: string): TarItem => file(`${folder}/.wh..wh..opq`)

/** The tar of the items, in their order. */
export async function tarOf(items: readonly TarItem[]): Promise<Buffer> {
  const tar = pack()
  for (const { content, ...header } of items) tar.entry(header, content ?? '')
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
