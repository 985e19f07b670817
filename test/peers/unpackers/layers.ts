/** Programs that unpack a single layer. Each gets its file, and the folder to unpack it to. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../../system/process/command.ts'

type Unpack = (layer: string, folder: string) => Promise<unknown>

const sh =
  (script: string): Unpack =>
  async (layer, folder) =>
    runCommand('sh', ['-c', script, 'sh', layer, folder])

const PYTHON = `
import sys, tarfile
with tarfile.open(sys.argv[1], 'r:gz') as layer:
    layer.extractall(sys.argv[2], numeric_owner=True)`

/** Node's zlib, as a stream. */
const NODE = `
const { createReadStream } = require('node:fs')
const { pipeline } = require('node:stream/promises')
pipeline(createReadStream(process.argv[1]), require('node:zlib').createGunzip(), process.stdout)`

export const layerUnpackers: Readonly<Record<string, Unpack>> = {
  'GNU tar': sh('tar -xzpf "$1" --numeric-owner -C "$2"'),
  bsdtar: sh('bsdtar -xpf "$1" --numeric-owner -C "$2"'),
  gunzip: sh('gunzip -c "$1" | tar -xpf - --numeric-owner -C "$2"'),
  pigz: async (layer, folder) =>
    runCommand('sh', [
      '-c',
      '"$3" -dc "$1" | tar -xpf - --numeric-owner -C "$2"',
      'sh',
      layer,
      folder,
      await pigz(),
    ]),
  'Python’s tarfile': async (layer, folder) => runCommand('/usr/bin/python3', ['-c', PYTHON, layer, folder]),
  'Node’s zlib': async (layer, folder) =>
    runCommand('sh', [
      '-c',
      '"$4" -e "$3" "$1" | tar -xpf - --numeric-owner -C "$2"',
      'sh',
      layer,
      folder,
      NODE,
      process.execPath,
    ]),
}

/** Kept in .cache: where it is installed Docker and containerd use it, and other tests and figures would be about something else. */
async function pigz(): Promise<string> {
  const folder = fileURLToPath(new URL('../../../.cache/pigz', import.meta.url))
  const program = join(folder, 'usr/bin/pigz')
  if (existsSync(program)) return program
  await mkdir(dirname(folder), { recursive: true })
  const made = await mkdtemp(`${folder}.`)
  await runCommand('sh', ['-c', 'apt-get download -qq pigz && dpkg -x pigz_*.deb . && rm pigz_*.deb'], {
    cwd: made,
  })
  await rename(made, folder).catch(() => rm(made, { recursive: true, force: true }))
  return program
}
