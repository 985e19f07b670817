/**
 * A registry's TLS settings on this machine: certificate authorities (`*.crt`) and our own certificate (`*.cert` with its `*.key`), in a folder
 * named after the host.
 *
 * Source: Docker's "Verify repository client with certificates", containers-certs.d(5).
 */
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { codeOf, HeadstartError, messageOf } from '../../system/errors.ts'
import { readSettings } from '../../system/files/read-whole.ts'

const FOLDERS = ['/etc/containers/certs.d', '/etc/docker/certs.d']

export interface Certificates {
  /** PEM, the system's authorities included */
  readonly ca?: string[]
  readonly cert?: string
  readonly key?: string
}

/**
 * @param host with its port, as in the image's reference
 * @throws HeadstartError E_CERTIFICATES: a file can't be read, or a certificate lacks its key
 */
export async function findCertificates(host: string): Promise<Certificates> {
  const found = await Promise.all(FOLDERS.map((folder) => readCertificates(join(folder, host))))
  return Object.assign({}, ...found)
}

async function readCertificates(folder: string): Promise<Certificates> {
  const names = await namesIn(folder)
  const authorities = await Promise.all(
    names.filter((name) => name.endsWith('.crt')).map((name) => read(folder, name)),
  )
  const own = names.find((name) => name.endsWith('.cert'))
  const client = own === undefined ? {} : await readPair(folder, own, names)
  return {
    ...(authorities.length > 0 && { ca: [...getCACertificates('default'), ...authorities] }),
    ...client,
  }
}

async function readPair(folder: string, certificate: string, names: readonly string[]) {
  const key = `${basename(certificate, '.cert')}.key`
  if (!names.includes(key))
    throw new HeadstartError('E_CERTIFICATES', `${join(folder, certificate)} lacks its key, ${key}`)
  return { cert: await read(folder, certificate), key: await read(folder, key) }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    // A folder that only root may read is no reason to fail: the registry's answer shows whether it was needed.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(cause) ?? '')) return []
    throw new HeadstartError('E_CERTIFICATES', messageOf(cause), { cause })
  }
}

async function read(folder: string, name: string): Promise<string> {
  try {
    return await readSettings(join(folder, name))
  } catch (cause) {
    throw new HeadstartError(
      'E_CERTIFICATES',
      `a certificate of a registry can't be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}
