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
