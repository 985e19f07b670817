/** Runtimes that pull an image whole. Each gives the folder or the tar of what they unpacked it to. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startContainerd } from '../../../scripts/support/containerd.ts'
import type { PeerSet } from '../../../scripts/support/peers.ts'
import { runCommand } from '../../../system/process/command.ts'
import { podmanRoot, withPodman } from '../makers/buildah.ts'

/** @param name of the image in a registry that speaks HTTP. @param folder empty, for the tree */
export type Pull = (name: string, folder: string) => Promise<void>

export interface Runtime extends AsyncDisposable {
  readonly pull: Pull
}

const bare = (pull: Pull): Runtime => ({ pull, async [Symbol.asyncDispose]() {} })

export const umoci = async (work: string): Promise<Runtime> =>
  bare(async (name, folder) => {
    const layout = join(work, 'umoci', name.replace(/\W/g, '-'))
    await runCommand('mkdir', ['-p', layout])
    await runCommand('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${name}`,
      `oci:${layout}:x`,
    ])
    await runCommand('umoci', ['raw', 'unpack', '--image', `${layout}:x`, folder])
  })

/** skopeo unpacks the layers itself; what it leaves are tars. */
export const skopeo = async (work: string): Promise<Runtime> =>
  bare(async (name, folder) => {
    const out = join(work, 'skopeo', name.replace(/\W/g, '-'))
    await runCommand('mkdir', ['-p', out])
    const copy = [
      'copy',
      '-q',
      '--src-tls-verify=false',
      '--dest-decompress',
      `docker://${name}`,
      `dir:${out}`,
    ]
    await runCommand('skopeo', copy)
    const script = `for layer in $(python3 -c 'import json, sys; print(*(l["digest"][7:] for l in json.load(open("manifest.json"))["layers"]))'); do tar -xpf "$layer" --numeric-owner -C "$1"; done`
    await runCommand('sh', ['-c', script, 'sh', folder], { cwd: out })
  })

export const docker = async (): Promise<Runtime> =>
  bare(async (name, folder) => {
    await runCommand('docker', ['pull', '-q', name])
    await exportFrom(name, folder)
  })

/** As an archive, whose layers are as the registry has them. */
export const dockerLoad = async (work: string): Promise<Runtime> =>
  bare(async (name, folder) => {
    const layout = join(work, 'docker-load', name.replace(/\W/g, '-'))
    await runCommand('mkdir', ['-p', layout])
    const copy = ['copy', '-q', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:x`]
    await runCommand('skopeo', copy)
    await runCommand('python3', ['-c', TO_ARCHIVE, name], { cwd: layout })
    await runCommand('docker', ['load', '-q', '-i', join(layout, 'image.tar')])
    await exportFrom(name, folder)
  })

const TO_ARCHIVE = `
import json, sys, tarfile
read = lambda digest: json.load(open(at(digest)))
at = lambda digest: "blobs/sha256/" + digest[7:]
manifest = read(json.load(open("index.json"))["manifests"][0]["digest"])
layers = [at(layer["digest"]) for layer in manifest["layers"]]
json.dump([{"Config": at(manifest["config"]["digest"]), "RepoTags": [sys.argv[1]], "Layers": layers}], open("manifest.json", "w"))
with tarfile.open("image.tar", "w") as out:
    for name in ["manifest.json", at(manifest["config"]["digest"]), *dict.fromkeys(layers)]: out.add(name)
`

async function exportFrom(name: string, folder: string): Promise<void> {
  try {
    const id = (await runCommand('docker', ['create', name, 'none'])).trim()
    await runCommand('sh', [
      '-c',
      'docker export "$1" | tar -xpf - --numeric-owner -C "$2"',
      'sh',
      id,
      folder,
    ])
    await runCommand('docker', ['rm', '-f', id])
  } finally {
    await runCommand('docker', ['rmi', '-f', name])
  }
}

export const containerd = (peers: PeerSet) => async (): Promise<Runtime> => {
  const own = await startContainerd({ snapshotter: 'none', peers })
  return {
    async pull(name, folder) {
      const native = ['--snapshotter', 'native']
      await own.ctr('images', 'pull', '--plain-http', ...native, name)
      await own.ctr('images', 'mount', ...native, name, folder)
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  }
}

export const podman = async (work: string): Promise<Runtime> => {
  const store = join(work, 'podman')
  await runCommand('mkdir', ['-p', store])
  await writeFile(
    join(store, 'storage.conf'),
    `[storage]\ndriver = "vfs"\ngraphroot = "${store}/graph"\nrunroot = "${store}/run"\n`,
  )
  const root = await podmanRoot()
  return bare(async (name, folder) => {
    const out = join(store, name.replace(/\W/g, '-'))
    const line = `podman pull -q --tls-verify=false ${name} && cp -a "$(podman image mount ${name})" ${out}; podman image umount -a`
    await withPodman(root, store, line)
    await runCommand('sh', ['-c', 'cp -a "$1/." "$2"', 'sh', out, folder])
  })
}
