/** Who may do what on a mount: an image's setuid programs and devices are worth nothing there, and strangers read it only where asked. */
import { execFile } from 'node:child_process'
import { chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createWorkspace } from '../../../system/workspace.ts'
import { mountFileSystem, type ServerName } from '../../../tracer/mount/mount.ts'
import { stackRootfs } from '../../../tracer/mount/stack-rootfs.ts'
import { type TempFolder, tempFolder } from '../../support/temp.ts'

const run = promisify(execFile)

const NOBODY = { uid: 65534, gid: 65534 }
const asNobody = (program: string, ...args: string[]) => run(program, args, NOBODY)

/** A setuid program of root's, a device that everybody may write, and a file. */
async function hostileTree(temp: TempFolder): Promise<string> {
  const folder = await temp.sub('tree')
  await copyFile('/usr/bin/id', join(folder, 'id'))
  await chmod(join(folder, 'id'), 0o4755)
  await run('sh', ['-c', 'mknod null c 1 3 && chmod 666 null && echo text > file && chmod 755 .'], {
    cwd: folder,
  })
  return folder
}

describe.each<ServerName>(['fuse-native', 'kernel'])('%s', (server) => {
  async function mounted(temp: TempFolder, allowOther: boolean) {
    await chmod(temp.path, 0o755)
    return mountFileSystem({
      mountPoint: await temp.sub('mount'),
      tree: { kind: 'directory', folder: await hostileTree(temp) },
      record: false,
      allowOther,
      server,
    })
  }

  test('only who mounts reads it', async () => {
    await using temp = await tempFolder()
    await using mount = await mounted(temp, false)
    expect((await run('cat', [join(mount.folder, 'file')])).stdout).toBe('text\n')
    for (const args of [['cat', `${mount.folder}/file`], ['ls', mount.folder], [`${mount.folder}/id`]])
      await expect(asNobody(args[0] ?? '', ...args.slice(1)), args.join(' ')).rejects.toThrow(
        /Permission denied|EACCES/,
      )
  })

  test('everybody reads it where that is asked for, and gains nothing by it', async () => {
    await using temp = await tempFolder()
    await using mount = await mounted(temp, true)
    expect((await asNobody('cat', join(mount.folder, 'file'))).stdout).toBe('text\n')
    const { stdout } = await asNobody(join(mount.folder, 'id'))
    expect(stdout).toContain('uid=65534')
    expect(stdout).not.toContain('euid=')
    const write = ['-c', `echo x > ${mount.folder}/null`]
    await expect(run('sh', write)).rejects.toThrow(/Permission denied/)
    await expect(asNobody('sh', ...write)).rejects.toThrow(/Permission denied/)
  })

  test('on a container’s root they work for its users, and nobody else reaches it', async () => {
    await using temp = await tempFolder()
    await using workspace = await createWorkspace()
    await using root = await stackRootfs({
      workspace,
      tree: { folder: await hostileTree(temp) },
      record: true,
      server,
    })
    await expect(asNobody('ls', root.folder)).rejects.toThrow(/Permission denied/)
    await expect(asNobody('ls', root.mount.folder)).rejects.toThrow(/Permission denied/)
    const inside =
      'setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "./id && cat file && echo x > null"'
    // As a container's root is seen: from inside, whatever the folders above allow.
    const { stdout } = await run('sh', ['-c', `cd ${root.folder} && ${inside}`])
    expect(stdout).toContain('uid=65534(nobody)')
    expect(stdout).toContain('euid=0(root)')
    expect(stdout).toContain('text')
    expect((await root.mount.recording()).files.map(({ path }) => path).sort()).toEqual(['file', 'id'])
  })
})
