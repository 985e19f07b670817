/** Certificates of servers on the loopback interface, each its own authority. */
import { join } from 'node:path'
import { runCommand } from '../../system/process/command.ts'

/** Paths of PEM files. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** @param names that it is for */
export async function makeCertificate(
  folder: string,
  names = 'IP:127.0.0.1,DNS:localhost',
): Promise<Certificate> {
  const certificate = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await runCommand('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate])
  return { certificate, key }
}
