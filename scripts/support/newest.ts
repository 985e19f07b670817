/**
 * Builds the newest releases of the peers from their Go modules, whose versions the go.mod files in `newest/` pin. What was built is kept outside
 * the checkout, so that a fresh clone doesn't build it again.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { runCommand, tryCommand } from '../../system/process/command.ts'
import { debianGo, digestOf } from './go.ts'

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'headstart-peers')

/** A new stargz snapshotter names the oldest Go that it builds with, to the patch. */
const GO_VERSION = '1.26.8'

interface Module {
  readonly packages: readonly string[]
  readonly tags?: string
  /** links C: needs gcc */
  readonly cgo?: boolean
}

/** Packages of each module in `newest/`: one directory of programs a module. */
const modules = {
  containerd: {
    packages: ['containerd', 'ctr', 'containerd-shim-runc-v2'].map(
      (each) => `github.com/containerd/containerd/v2/cmd/${each}`,
    ),
    // What no test needs links all of Kubernetes' client.
    tags: 'no_cri,no_btrfs,no_devmapper,no_zfs,no_tracing',
  },
  // Can't share code with ../stargzd: that one is built on containerd 1's packages, this one on containerd 2's, whose types differ.
  stargzd: { packages: ['.'] },
  convert: { packages: ['.'] },
  registry: { packages: ['.'] },
  buildkit: { packages: ['buildctl', 'buildkitd'].map((each) => `github.com/moby/buildkit/cmd/${each}`) },
  overlaybd: { packages: ['github.com/containerd/accelerated-container-image/cmd/ctr'] },
  conformance: { packages: ['github.com/opencontainers/distribution-spec/conformance'] },
  // A registry with the referrers API, and a client that knows it.
  referrers: { packages: ['.', 'oras.land/oras/cmd/oras'] },
  // What Kubernetes, Kustomize and Compose say of manifests.
  manifests: {
    packages: ['.', 'sigs.k8s.io/kustomize/kustomize/v5', 'github.com/compose-spec/compose-go/v2/cmd'],
  },
  // Its zlib is a static one, which Debian has in zlib1g-dev.
  soci: { packages: ['github.com/awslabs/soci-snapshotter/cmd/soci', '.'], cgo: true },
} satisfies Record<string, Module>

export type NewestModule = keyof typeof modules

const isModule = (name: string): name is NewestModule => Object.hasOwn(modules, name)

export const newestModules: readonly NewestModule[] = Object.keys(modules).filter(isModule)

/** @returns a folder with the module's programs */
export function buildNewest(name: NewestModule): Promise<string> {
  return build(new URL(`newest/${name}/`, import.meta.url).pathname, name, modules[name])
}

/** @param folder of a `main` package with a go.mod beside it. @returns path of the program */
export async function buildWithNewest(folder: string): Promise<string> {
  const built = await build(folder, 'program', { packages: ['.'] })
  const [program] = await readdir(built)
  if (program === undefined) throw new Error(`nothing was built from ${folder}`)
  return join(built, program)
}

async function build(
  folder: string,
  name: string,
  { packages, tags = '', cgo = false }: Module,
): Promise<string> {
  const built = join(CACHE, `${name}-${await digestOf(folder, /\.go$|^go\.(mod|sum)$/)}`)
  if (existsSync(built)) return built
  await mkdir(CACHE, { recursive: true })
  const beside = await mkdtemp(`${built}.`)
  const started = performance.now()
  try {
    await runCommand(
      await currentGo(),
      ['build', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`, '-o', `${beside}/`, ...packages],
      {
        cwd: folder,
        env: { ...process.env, GO111MODULE: 'on', CGO_ENABLED: cgo ? '1' : '0', GOFLAGS: '-buildvcs=false' },
      },
    )
    // Two test files may build at once: the first to finish is kept.
    await rename(beside, built).catch(async (error: unknown) => {
      if (!existsSync(built)) throw error
    })
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
  console.warn(`built ${name} of the newest peers in ${Math.round((performance.now() - started) / 1000)} s`)
  return built
}

const downloaded = z.object({ Dir: z.string() })

/** The Go on the PATH if it is new enough, else one that comes as a module, which any Go can download. */
async function currentGo(): Promise<string> {
  const { stdout } = await tryCommand('go', ['version']).catch(() => ({ stdout: '' }))
  if (isEnough(/go(\d+\.\d+(\.\d+)?)/.exec(stdout)?.[1])) return 'go'
  const module = `golang.org/toolchain@v0.0.1-go${GO_VERSION}.linux-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`
  const env = { ...process.env, GO111MODULE: 'on', GOPATH: join(CACHE, 'gopath'), GOFLAGS: '-modcacherw' }
  const { Dir } = downloaded.parse(
    JSON.parse(await runCommand(debianGo, ['mod', 'download', '-json', module], { env })),
  )
  // Files of a module are not executable.
  for (const tools of ['bin', 'pkg/tool'].map((each) => join(Dir, each)))
    for (const each of await readdir(tools, { recursive: true, withFileTypes: true }))
      if (each.isFile()) await chmod(join(each.parentPath, each.name), 0o755)
  return join(Dir, 'bin/go')
}

function isEnough(version: string | undefined): boolean {
  const parts = (text: string) => text.split('.').map(Number)
  if (version === undefined) return false
  const [major = 0, minor = 0, patch = 0] = parts(version)
  const [wantedMajor = 0, wantedMinor = 0, wantedPatch = 0] = parts(GO_VERSION)
  return (
    major > wantedMajor ||
    (major === wantedMajor && (minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch)))
  )
}
