/** What the failure of a command means for its job: whether to record first, to give up, or to try again. Pure. */
import type { Fault } from '../../system/process/parent.ts'
import type { Ended } from './child.ts'

export type Failure =
  /** a profile is missing, or covers too little */
  | { readonly is: 'unprofiled'; readonly why: string }
  /** the tag names another image by now, which is a job of its own */
  | { readonly is: 'superseded'; readonly why: string }
  | { readonly is: 'final'; readonly why: string }
  /** another attempt may go better */
  | { readonly is: 'passing'; readonly why: string }

/**
 * What is wrong with the image, its configuration or its start stays wrong. All else may be mended: by the registry, the network, room on the disk,
 * or another worker. A command that crashed, or was killed for its memory, is tried again as well.
 */
const FINAL = new Set([
  'E_COMPRESSION',
  'E_CONFIG',
  'E_DIFF_ID',
  'E_ESTARGZ',
  'E_EXCEEDED',
  'E_EXIT',
  'E_IMAGE_NOT_FOUND',
  'E_MANIFEST',
  'E_MEDIA_TYPE',
  'E_NO_COMMAND',
  'E_OPTION',
  'E_PATH',
  'E_PLATFORM',
  'E_READY',
  'E_READY_TIMEOUT',
  'E_REFERENCE',
  'E_TAR',
  'E_TARGET',
  'E_UNPACK',
  'E_USAGE',
  'E_USER',
])

export function failureOf({ status, fault }: Pick<Ended, 'status' | 'fault'>): Failure {
  const why = fault
    ? textOf(fault)
    : status === undefined
      ? 'the command was killed'
      : `the command ended with status ${status}`
  switch (fault?.code) {
    case 'E_COVERAGE':
    case 'E_NO_PROFILE':
      return { is: 'unprofiled', why }
    case 'E_SUPERSEDED':
      return { is: 'superseded', why }
    default:
      return { is: fault !== undefined && FINAL.has(fault.code) ? 'final' : 'passing', why }
  }
}

/** The hint is the command's own, in its flags: where they come from fleet.yaml is added where no name gives it away. */
const textOf = ({ code, message, hint }: Fault): string => {
  const where = code === 'E_READY_TIMEOUT' ? ' (in fleet.yaml: ready, with its timeout)' : ''
  return `${message} (${code})${hint === undefined ? '' : `. ${hint}${where}`}`
}
