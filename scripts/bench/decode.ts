/**
 * `npm run bench:decode`: what decoding a prefetched byte, and a chunk, costs the newest stargz snapshotter in CPU time: the constants of
 * optimizer/plan/cost.ts. The same content, of a program, is made into layers of chunks of several sizes; two costs are fitted to them.
 */
import { copyFile, mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { openSource } from '../../image/sources.ts'
import { runCommand } from '../../system/process/command.ts'
import { parseJson } from '../../system/text/json.ts'
import { createWorkspace } from '../../system/workspace.ts'
import { buildWithNewest } from '../support/newest.ts'

const KIB = 1024
const CONTENT_BYTES = 32 * KIB * KIB
const SIZES = [64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB]
const HEADSTART = new URL('../../cli/headstart.js', import.meta.url).pathname
const FROM_TARS = new URL('../image-from-tars.ts', import.meta.url).pathname

const measured = z.object({ Chunks: z.number(), Content: z.number(), CPU: z.number() })

/** @returns the layer's blob, its files all in the zone */
async function layerOf(folder: string, size: number): Promise<string> {
  const tree = join(folder, String(size))
  await mkdir(join(tree, 'd'), { recursive: true })
  await using program = await open(process.execPath)
  const names: string[] = []
  for (let at = 0; at < CONTENT_BYTES; at += size) {
    const { buffer } = await program.read(Buffer.alloc(size), 0, size, 20_000_000 + at)
    names.push(`/d/f${at}`)
    await writeFile(join(tree, 'd', `f${at}`), buffer)
  }
  const [config, list] = [join(folder, 'config.json'), join(folder, 'list')]
  await writeFile(config, '{"Cmd":["/d/f0"]}')
  await writeFile(list, names.join('\n'))
  await runCommand('tar', ['-C', tree, '-cf', `${tree}.tar`, 'd'])
  await runCommand(process.execPath, [FROM_TARS, `oci:${tree}-plain:x`, config, `${tree}.tar`])
  await runCommand(process.execPath, [
    HEADSTART,
    'optimize',
    `oci:${tree}-plain:x`,
    `oci:${tree}-out:x`,
    '--trace',
    list,
  ])
  await using source = await openSource(`oci:${tree}-out:x`)
  const { manifest } = await source.image()
  const digest = manifest.layers[0]?.digest.slice('sha256:'.length) ?? ''
  const blob = `${tree}.blob`
  await copyFile(join(`${tree}-out`, 'blobs', 'sha256', digest), blob)
  return blob
}

/** Least squares of cost = byte × content + chunk × chunks. */
function leastSquares(all: readonly z.infer<typeof measured>[]): {
  readonly byte: number
  readonly chunk: number
} {
  const sum = (of: (each: z.infer<typeof measured>) => number) =>
    all.reduce((total, each) => total + of(each), 0)
  const [bb, bc, cc] = [
    sum((m) => m.Content ** 2),
    sum((m) => m.Content * m.Chunks),
    sum((m) => m.Chunks ** 2),
  ]
  const [by, cy] = [sum((m) => m.Content * m.CPU), sum((m) => m.Chunks * m.CPU)]
  const determinant = bb * cc - bc * bc
  return { byte: (by * cc - cy * bc) / determinant, chunk: (cy * bb - by * bc) / determinant }
}

await using workspace = await createWorkspace()
const program = await buildWithNewest(new URL('decoder/', import.meta.url).pathname)
const blobs: string[] = []
for (const size of SIZES) blobs.push(await layerOf(workspace.folder, size))
const stdout = await runCommand(program, blobs)
const all = stdout
  .trim()
  .split('\n')
  .map((line) =>
    parseJson(line, measured, { code: 'E_USAGE', what: 'a measurement', otherwise: 'is invalid' }),
  )
console.log('| chunks | content | CPU |\n| --- | --- | --- |')
for (const { Chunks, Content, CPU } of all)
  console.log(`| ${Chunks} | ${(Content / 1e6).toFixed(1)} MB | ${CPU.toFixed(0)} ms |`)
const { byte, chunk } = leastSquares(all)
console.log(`\n${(byte * 1e6).toFixed(1)} ms a megabyte of content, ${chunk.toFixed(2)} ms a chunk`)
