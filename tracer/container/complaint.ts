/** An engine's message that a container could not start, without the prefixes of the programs it passed through. Pure. */

const LAYERS =
  /^(?:(?:failed to create [a-z ]+|OCI runtime create failed|runc create failed|runc run failed|unable to start container process|error during container init): )+/

/** @returns one line */
export const bareComplaint = (text: string): string =>
  text
    .replace(/^\(HTTP code \d+\) [a-z ]+ - /, '')
    .replace(LAYERS, '')
    .replace(/: unknown$/, '')
    .trim()
    .replace(/\s+/g, (gap) => (gap.includes('\n') ? ' ' : gap))

/** The port of this machine that could not be published, since another program or container has it; undefined: the complaint is about something else. */
export const portInUse = (text: string): string | undefined =>
  /:(\d+)(?:\/(?:tcp|udp))?(?: failed)?: (?:bind: )?(?:address already in use|port is already allocated)/.exec(
    text,
  )?.[1]

/**
 * Whether the program that the container was to run is missing, or can't be run, as a shell tells them apart; else it is something else that
 * failed. @param text bare
 */
export function startFault(text: string): 'E_NO_PROGRAM' | 'E_NOT_EXECUTABLE' | 'E_RUN' {
  const why = /^exec: (?:"(?:[^"\\]|\\.)*": )?(.*)$/s.exec(text)?.[1] ?? ''
  if (/executable file not found|no such file or directory/.test(why)) return 'E_NO_PROGRAM'
  return /permission denied|is a directory|exec format error/.test(why) ? 'E_NOT_EXECUTABLE' : 'E_RUN'
}
