// Reads what `headstart optimize --json` printed, adds a table of it to the job's page, and prints the digest of the rebuilt image.
// action-page.js TARGET, with the JSON on standard input.
import { appendFileSync, readFileSync } from 'node:fs'

const [target = ''] = process.argv.slice(2)
const { digest, layers, decisions, missing } = JSON.parse(readFileSync(0, 'utf8'))
const sum = (numbers) => numbers.reduce((total, each) => total + each, 0)
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`
const before = sum(layers.map(({ sourceSize }) => sourceSize))
const after = sum(layers.map(({ size }) => size))
const zone = sum(layers.map(({ zoneBytes }) => zoneBytes))
const inZone = decisions.filter(({ placement }) => placement === 'zone').length
const code = (text) => `\`${text.replace(/[`|\s]/g, ' ')}\``

const page = process.env.GITHUB_STEP_SUMMARY
if (page)
  appendFileSync(
    page,
    [
      `### headstart: ${code(target)}`,
      '',
      '| image | bytes | |',
      '| --- | ---: | --- |',
      `| original | ${megabytes(before)} | ${layers.length} layers |`,
      `| rebuilt | ${megabytes(after)} | ${code(digest)} |`,
      `| prefetched | ${megabytes(zone)} | ${inZone} of ${decisions.length} files of the start |`,
      ...(missing.length > 0 ? ['', `${missing.length} files of the trace are not in the image.`] : []),
      '',
      '',
    ].join('\n'),
  )
process.stdout.write(digest)
