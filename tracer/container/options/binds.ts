/** What is mounted into a container: `-v`, `--mount` and `--tmpfs` of docker run. Pure. */
import { isAbsolute, resolve } from 'node:path'
import type { Bind } from './run-options.ts'
import { absolute, parseBytes, wrong } from './values.ts'

/** `HOST:CONTAINER[:ro]`, `NAME:CONTAINER[:ro]` or `CONTAINER`. */
export function parseVolume(text: string, folder: string): Bind {
  const parts = text.split(':')
  const hint = 'Write HOST:CONTAINER[:ro], absolute or starting with ./, or NAME:CONTAINER'
  if (parts.length > 3) throw wrong('-v', text, hint)
  const [source = '', target, mode = ''] = parts
  if (target === undefined)
    return { type: 'volume', source: '', target: absolute('-v', source), readOnly: false }
  const readOnly = mode.split(',').includes('ro')
  if (source === '') throw wrong('-v', text, hint)
  if (!/^[./~]/.test(source)) return { type: 'volume', source, target: absolute('-v', target), readOnly }
  return {
    type: 'bind',
    source: resolve(folder, source),
    target: absolute('-v', target),
    readOnly,
    create: true,
    ...(!isAbsolute(source) && { relative: true }),
  }
}

/** `type=bind,source=/a,target=/b,readonly`; without type a volume, as in Docker. */
export function parseMount(text: string, folder: string): Bind {
  const fields = new Map(
    text.split(',').map((field): [string, string] => {
      const at = field.indexOf('=')
      return at === -1 ? [field, 'true'] : [field.slice(0, at), field.slice(at + 1)]
    }),
  )
  const type = fields.get('type') ?? 'volume'
  const source = fields.get('source') ?? fields.get('src') ?? ''
  const target = fields.get('target') ?? fields.get('destination') ?? fields.get('dst') ?? ''
  if ((type !== 'bind' && type !== 'volume' && type !== 'tmpfs') || (type === 'bind' && source === ''))
    throw wrong('--mount', text, 'Write type=bind|volume|tmpfs,source=…,target=…[,readonly]')
  const readOnly = [fields.get('readonly'), fields.get('ro')].some(
    (value) => value === 'true' || value === '1',
  )
  const size = fields.get('tmpfs-size')
  const mode = fields.get('tmpfs-mode')
  const options = [
    ...(size === undefined ? [] : [`size=${parseBytes('--mount tmpfs-size', size)}`]),
    ...(mode === undefined ? [] : [`mode=${mode}`]),
  ]
  return {
    type,
    source: type === 'bind' ? resolve(folder, source) : source,
    target: absolute('--mount target', target),
    readOnly,
    ...(type === 'bind' && !isAbsolute(source) && { relative: true }),
    ...(options.length > 0 && { options }),
  }
}

/** `CONTAINER[:OPTIONS]` */
export function parseTmpfs(text: string): Bind {
  const at = text.indexOf(':')
  const target = absolute('--tmpfs', at === -1 ? text : text.slice(0, at))
  const options =
    at === -1
      ? []
      : text
          .slice(at + 1)
          .split(',')
          .filter(Boolean)
  return {
    type: 'tmpfs',
    source: '',
    target,
    readOnly: options.includes('ro'),
    ...(options.length > 0 && { options }),
  }
}
