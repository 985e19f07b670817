/** Images as the newest BuildKit builds them: of several platforms, with attestations of provenance and an SBOM, in the compression asked for. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { buildNewest } from '../../../scripts/support/newest.ts'
import { until } from '../../../scripts/support/until.ts'
import { unmountBelow } from '../../../system/mounts.ts'
import { runCommand } from '../../../system/process/command.ts'

export interface BuildKit extends AsyncDisposable {
  /** @param base a layout. @returns the reference of an index in a layout at `out` */
  build(out: string, base: string, options: BuildOptions): Promise<string>
}

export interface BuildOptions {
  readonly dockerfile: string
  readonly files: Readonly<Record<string, string | Buffer>>
  readonly compression: 'estargz' | 'zstd'
  /** reference of the image that makes the SBOM */
  readonly scanner: string
}

/** What such an image does: a statement about what was built, whose subject BuildKit adds. */
export const SCAN = `cat >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<'EOF'
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": {
  "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "scanned",
  "documentNamespace": "https://example.com/scanned",
  "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: scan"]}}}
EOF
`

/** They run on this machine, whatever they say: the base is the same for both. */
const PLATFORMS = 'linux/amd64,linux/arm64'

const index = z.object({ manifests: z.array(z.object({ digest: z.string() })) })

/** @param folder for its state; a path short enough for a socket */
export async function startBuildKit(folder: string): Promise<BuildKit> {
  const programs = await buildNewest('buildkit')
  await mkdir(folder, { recursive: true })
  const socket = join(folder, 'buildkitd.sock')
  const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-net=host']
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', join(programs, 'buildkitd')],
      ...['--root', join(folder, 'root'), '--addr', `unix://${socket}`, ...worker],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = once(child, 'exit')
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-2000)
  })
  const client = (...args: readonly string[]) =>
    runCommand(join(programs, 'buildctl'), ['--addr', `unix://${socket}`, ...args])
  await until('buildkitd answers', async () => {
    if (child.exitCode !== null) throw new Error(`buildkitd did not start: ${log}`)
    return existsSync(socket) && (await client('debug', 'workers').then(Boolean, () => false))
  })
  return {
    async build(out, base, { dockerfile, files, compression, scanner }) {
      const context = `${out}-context`
      await mkdir(context)
      for (const [name, content] of Object.entries({ ...files, Dockerfile: dockerfile }))
        await writeFile(join(context, name), content)
      const [digest = ''] = index
        .parse(JSON.parse(await readFile(join(base, 'index.json'), 'utf8')))
        .manifests.map((each) => each.digest)
      await client(
        ...['build', '--frontend', 'dockerfile.v0', '--local', `context=${context}`],
        ...['--local', `dockerfile=${context}`, '--oci-layout', `base=${base}`],
        ...['--opt', `context:base=oci-layout://base@${digest}`, '--opt', `platform=${PLATFORMS}`],
        // The first as buildx asks by default.
        ...['--opt', 'attest:provenance=mode=min', '--opt', `attest:sbom=generator=${scanner}`],
        '--output',
        `type=oci,tar=false,dest=${out},oci-mediatypes=true,compression=${compression},force-compression=true`,
      )
      return `oci:${out}`
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      await unmountBelow(folder)
    },
  }
}
