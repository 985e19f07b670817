/** Names of shell images: they say what runs, and give the ID back. */
import { expect, test } from 'vitest'
import { parseReference } from '../../../../image/reference.ts'
import { idOf, shellName } from '../../../../tracer/container/docker/shell-name.ts'

const ID = 'headstart-7261-03bdd711'
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const LONG = 'a'.repeat(128)

test.each([
  [undefined, 'headstart-shell', ID],
  ['web', 'headstart-shell/web', `latest.${ID}`],
  ['127.0.0.1:5000/team/web:1.2-esgz', 'headstart-shell/web', `1.2-esgz.${ID}`],
  [`docker://registry.example/web@${DIGEST}`, 'headstart-shell/web', `0123456789ab.${ID}`],
  [`registry.example/web:1@${DIGEST}`, 'headstart-shell/web', `1.${ID}`],
  ['oci:/var/My Image.d:v1', 'headstart-shell/my-image-d', `v1.${ID}`],
  ['oci:web', 'headstart-shell/web', ID],
  ['oci:/ü/ö', 'headstart-shell', ID],
  ['oci-archive:/tmp/web.tar:1', 'headstart-shell/web-tar', `1.${ID}`],
  ['docker-archive:/tmp/web.tar', 'headstart-shell/web-tar', ID],
  [`web:${LONG}`, 'headstart-shell/web', `${LONG.slice(0, 80)}.${ID}`],
])('%s', (image, repository, tag) => {
  expect(shellName(ID, image)).toEqual({ repository, tag })
  const name = `${repository}:${tag}`
  expect(parseReference(`registry.example/${name}`)).toMatchObject({ repository, tag })
  expect(idOf(name)).toBe(ID)
})
