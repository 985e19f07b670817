/** Who is at the other end of a loopback connection: every user of the machine, and every container on its network, can connect to a port there. */
import { readFileSync } from 'node:fs'
import type { Server, Socket } from 'node:net'

/** From here on, the server hangs up on everyone but root and our own user. Only for servers on 127.0.0.1. */
export function serveOnlyUs(server: Server): void {
  server.prependListener('connection', (socket: Socket) => {
    const uid = peerUid(socket)
    if (uid !== 0 && uid !== process.geteuid?.()) socket.destroy()
  })
}

/** 127.0.0.1 in the machine's byte order, and the same as an IPv6 address, which a client may use as well. */
const TABLES = [
  ['tcp', '0100007F'],
  ['tcp6', '0000000000000000FFFF00000100007F'],
] as const

/** Columns, counted from the client's address. */
const UID = 6
const INODE = 8

/** @returns undefined if it can't be determined: the connection is closed. Source: proc(5), /proc/net/tcp */
export function peerUid({ remotePort, localPort }: Socket): number | undefined {
  if (remotePort === undefined || localPort === undefined) return undefined
  for (const [table, address] of TABLES) {
    const text = readFileSync(`/proc/net/${table}`, 'latin1')
    // The client's end: from its port to ours. Looked for as text: a busy machine has thousands of lines.
    const at = text.indexOf(` ${address}:${hex(remotePort)} ${address}:${hex(localPort)} `)
    if (at === -1) continue
    const { [UID]: uid, [INODE]: inode } = text
      .slice(at)
      .trimStart()
      .split(/\s+/, INODE + 1)
    // A connection that its program has closed is nobody's any more: then older kernels say 0, which is root's number.
    return inode === '0' ? undefined : Number(uid)
  }
  return undefined
}

const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')
