/** Runs a system program (`mount`, `runc`, …) to its end, without a shell. */
import { type ExecFileException, execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { HeadstartError } from '../errors.ts'

export interface CommandResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly cwd?: string
  readonly input?: string | Uint8Array
  readonly signal?: AbortSignal
  readonly env?: NodeJS.ProcessEnv
  /** of its output; UTF-8 by default. `latin1` keeps every byte as one character. */
  readonly encoding?: 'latin1'
  /** what errors name instead of the program, which only starts it */
  readonly known?: string
  /** how many bytes it may print */
  readonly maxBuffer?: number
}

/**
 * Resolves with whatever status the program ends with.
 * @throws HeadstartError E_NOT_INSTALLED; E_COMMAND: it could not be started, or a signal killed it
 */
export function tryCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input, known = program, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: 256 << 20, ...rest }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') {
        reject(
          error.code === 'ENOENT'
            ? notInstalled(program)
            : new HeadstartError('E_COMMAND', `${known} could not be run: ${reasonOf(error)}`),
        )
        return
      }
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr })
    })
    child.stdin?.on('error', () => {}) // a program that ends early closes its input
    child.stdin?.end(input)
  })
}

/** Without the arguments, which Node repeats in its message: there may be secrets in them. */
const reasonOf = ({ message, signal, code }: ExecFileException): string =>
  message.startsWith('Command failed') ? `it was terminated by ${signal ?? code}` : message

/** Before much is done that needs them. @throws HeadstartError E_NOT_INSTALLED: one is not on the PATH */
export async function requirePrograms(programs: readonly string[]): Promise<void> {
  const folders = (process.env.PATH ?? '').split(delimiter)
  for (const program of programs) {
    const tries = await Promise.allSettled(
      folders.map((folder) => access(join(folder, program), constants.X_OK)),
    )
    if (tries.every(({ status }) => status === 'rejected')) throw notInstalled(program)
  }
}

const notInstalled = (program: string): HeadstartError =>
  new HeadstartError('E_NOT_INSTALLED', `${program} is not installed`, {
    hint: `Install ${program}, or put it on the PATH`,
  })

/** @returns standard output. @throws HeadstartError E_COMMAND with the last line of standard error */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { status, stdout, stderr } = await tryCommand(program, args, options)
  if (status === 0) return stdout
  const complaint = stderr.trim().split('\n').at(-1) ?? ''
  throw new HeadstartError(
    'E_COMMAND',
    `${options.known ?? `${program} ${args[0] ?? ''}`} ended with status ${status}: ${complaint}`,
  )
}
