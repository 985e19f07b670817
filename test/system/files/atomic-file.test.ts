/** A file is written whole or not at all, to where a person said, and never where somebody else would have it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureWritable, placeWhole, writeWhole } from '../../../system/files/atomic-file.ts'
import { runCommand } from '../../../system/process/command.ts'
import { asNobody } from '../../support/nobody.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp('/var/tmp/hs-write-')
  await writeFile(join(folder, 'victim'), 'ours')
})

afterEach(() => rm(folder, { recursive: true }))

test('a new file, one that was there, and one whose permissions were narrowed', async () => {
  const out = join(folder, 'out')
  await writeWhole(out, 'one')
  await chmod(out, 0o600)
  await writeWhole(out, 'two')
  expect(await readFile(out, 'utf8')).toBe('two')
  expect((await stat(out)).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['out', 'victim'])
})

test('links lie in wait under every name that could be foreseen, and nothing is written through them', async () => {
  await chmod(folder, 0o1777)
  const out = join(folder, 'out')
  await asNobody(`ln -s ${folder}/victim ${out}.${process.pid}.tmp`)
  await writeWhole(out, 'text')
  expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('ours')
  expect(await readFile(out, 'utf8')).toBe('text')
  expect((await lstat(out)).isFile()).toBe(true)
})

test('a link, or a pipe, that somebody else put where everybody may is refused', async () => {
  await chmod(folder, 0o1777)
  await asNobody(`ln -s ${folder}/victim ${folder}/link; mkfifo ${folder}/pipe`)
  for (const name of ['link', 'pipe'])
    await expect(writeWhole(join(folder, name), 'text')).rejects.toMatchObject({ code: 'E_FILE' })
  expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('ours')
})

test('the permissions of a file that somebody else put there are not taken over', async () => {
  await chmod(folder, 0o1777)
  const out = join(folder, 'out')
  await asNobody(`touch ${out}; chmod 666 ${out}`)
  await writeWhole(out, 'text')
  const { uid, mode } = await stat(out)
  expect([uid, mode & 0o022]).toEqual([process.getuid?.(), 0])
  await expect(asNobody(`echo theirs > ${out}`)).rejects.toThrow(/denied|cannot create/)
  expect(await readFile(out, 'utf8')).toBe('text')
})

test('a link of our own is followed, and stays', async () => {
  await symlink('victim', join(folder, 'link'))
  await writeWhole(join(folder, 'link'), 'new')
  expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('new')
  expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true)
})

test('a pipe is written to, and stays', async () => {
  const pipe = join(folder, 'pipe')
  await runCommand('mkfifo', [pipe])
  const text = readFile(pipe, 'utf8')
  await writeWhole(pipe, 'text')
  expect(await text).toBe('text')
  expect((await stat(pipe)).isFIFO()).toBe(true)
})

test('/dev/stdout is written to, and stays', async () => {
  const module = new URL('../../../system/files/atomic-file.ts', import.meta.url)
  const script = `const { writeWhole } = await import(${JSON.stringify(module.href)})
    await writeWhole('/dev/stdout', 'text')`
  expect(
    await runCommand('sh', ['-c', '"$0" --input-type=module -e "$1" | cat', process.execPath, script]),
  ).toBe('text')
  expect((await lstat('/dev/stdout')).isSymbolicLink()).toBe(true)
})

test('what fails leaves nothing beside, and what was there', async () => {
  const failing = placeWhole(join(folder, 'victim'), async (beside) => {
    await writeFile(beside, 'half', { flag: 'wx' })
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await readdir(folder)).toEqual(['victim'])
  expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('ours')
})

test('what a killed writer left goes with the next one', async () => {
  const module = new URL('../../../system/files/atomic-file.ts', import.meta.url)
  const script = `const { placeWhole } = await import(${JSON.stringify(module.href)})
    const { writeFileSync } = await import('node:fs')
    await placeWhole(${JSON.stringify(join(folder, 'out'))}, (beside) => {
      writeFileSync(beside, 'half')
      process.kill(process.pid, 'SIGKILL')
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  await once(child, 'exit')
  expect(await readdir(folder)).toHaveLength(2)
  await writeWhole(join(folder, 'out'), 'text')
  expect(await readdir(folder)).toEqual(['out', 'victim'])
})

test('where nothing can be written is said beforehand, with the folder', async () => {
  const nowhere = join(folder, 'no/such/out.json')
  await expect(ensureWritable(nowhere)).rejects.toMatchObject({
    code: 'E_FILE',
    message: `${nowhere} can't be written: the folder ${folder}/no/such does not exist`,
  })
  await expect(ensureWritable(join(folder, 'victim/out.json'))).rejects.toThrow(
    `victim/out.json can't be written: ${folder}/victim is not a folder`,
  )
  await expect(ensureWritable(folder)).rejects.toThrow(`${folder} can't be written: it is a folder`)
  await ensureWritable(join(folder, 'out.json'))
  await ensureWritable(join(folder, 'victim'))
  await ensureWritable('/dev/null')
  expect(await readdir(folder)).toEqual(['victim'])
})

test('what can’t be written is named as it was given, and the reason is in words', async () => {
  await expect(writeWhole(join(folder, 'no/out.json'), 'text')).rejects.toMatchObject({
    code: 'E_FILE',
    message: `${folder}/no/out.json can't be written: no such file or folder`,
  })
  await expect(writeWhole('/dev/full', 'text')).rejects.toThrow(/^not enough space in \/dev for \/dev\/full$/)
})
