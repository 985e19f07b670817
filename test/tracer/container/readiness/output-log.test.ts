/** A container's output, line by line. */
import { expect, test } from 'vitest'
import { createOutputLog } from '../../../../tracer/container/readiness/output-log.ts'

/** Whether the pattern was found, in chunks of one stream. */
async function finds(pattern: RegExp, chunks: readonly (string | Buffer)[]): Promise<boolean> {
  const log = createOutputLog(pattern)
  for (const chunk of chunks) log.write('stdout', Buffer.from(chunk))
  return Promise.race([
    log.matched.then(() => true),
    new Promise<boolean>((give) => setImmediate(give, false)),
  ])
}

test.each<[string, RegExp, (string | Buffer)[]]>([
  ['a line in pieces', /^bc$/, ['a\nb', 'c\n']],
  ['a beginning without an end', /^ready/, ['ready, but n']],
  ['a character cut in two', /^€$/, [Buffer.from('€\n').subarray(0, 1), Buffer.from('€\n').subarray(1)]],
  ['a line of Windows, cut between its ends', /^ready$/, ['ready\r', '\n']],
  ['what replaces a progress line', /^ready$/, ['10 %\r100 %\rready\n']],
  ['a coloured line', /^INFO: ready$/, ['\u001b[1;32mINFO\u001b[0m: ready\n']],
  ['a colour that is cut in two', /^ready$/, ['\u001b[3', '2mrea', 'dy\u001b[', '0m\n']],
  ['colours with colons, as 24 bits', /^ready$/, ['\u001b[38:2::0:255:0mready\u001b[K\n']],
  [
    'a title and a link',
    /^ready at here$/,
    ['\u001b]0;title\u0007ready at \u001b]8;;http://x/\u001b\\here\u001b]8;;\u001b\\\n'],
  ],
  ['C1 forms of the same', /^ready$/, ['\u009b32mready\u009b0m\u009d0;title\u009c\n']],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a person may look for one
  ['a colour that is looked for', /\u001b\[32mready/, ['\u001b[32mready\u001b[0m\n']],
  ['the end of a very long line', /ready$/, ['x'.repeat(100_000), 'x'.repeat(100_000), 'ready\n']],
  ['a flag that keeps its place', /ready/g, ['xx ready\n']],
])('finds %s', async (_, pattern, chunks) => {
  expect(await finds(pattern, chunks)).toBe(true)
})

test('what a long line was cut at is not taken for its beginning', async () => {
  expect(await finds(/^x/, ['y', 'x'.repeat(200_000), 'x'.repeat(200_000)])).toBe(false)
})

test('both streams are looked through, and not mixed', async () => {
  const log = createOutputLog(/^ready$/)
  log.write('stdout', Buffer.from('rea'))
  log.write('stderr', Buffer.from('nothing\nready\n'))
  expect(await log.matched).toBeGreaterThan(0)
})

test('it is told when the first line that matches came', async () => {
  const log = createOutputLog(/^ready$/)
  log.write('stdout', Buffer.from('ready\n'))
  const before = Number(process.hrtime.bigint()) / 1e6
  log.write('stdout', Buffer.from('ready\n'))
  expect(await log.matched).toBeLessThanOrEqual(before)
})

test('unfinished escapes without end are read once, not once for each of them', async () => {
  for (const start of ['\u009d', '\u001b]', '\u001b[', '\u001b[0;', '\u0090x'])
    expect(await finds(/ready/, [start.repeat(60_000), '\nready\n'])).toBe(true)
})

const tailOf = (text: string, secrets: readonly string[] = []): string => {
  const log = createOutputLog()
  log.write('stderr', Buffer.from(text))
  return log.tail(secrets)
}

test('the tail is one line, without secrets and without control characters', () => {
  const text = '\u001b[31mpassword is hunter22\u001b[0m\n\n  at x\r\nno end'
  expect(tailOf(text, ['hunter22', 'at'])).toBe('password is *** | at x | no end')
})

test('short values are left, longer ones go first, and colours in a value don’t save it', () => {
  expect(tailOf('a b abc', ['', 'a', 'abc'])).toBe('a b abc')
  expect(tailOf('abcd abcdefgh', ['abcd', 'abcdefgh'])).toBe('*** ***')
  expect(tailOf('hun\u001b[1mter22', ['hunter22'])).toBe('***')
})

test('values go in the encodings that programs write them in, and line by line', () => {
  const secret = 'p/ss "wörd"?'
  const forms = [
    JSON.stringify({ secret }),
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
  ]
  expect(tailOf(forms.join('\n'), [secret])).toBe('{"secret":"***"} | *** | ***== | ***')
  expect(tailOf('first line\nsecond one', ['first line\nsecond one'])).toBe('*** | ***')
  expect(tailOf('can’t reach postgres://me:hunter22@db/x?token=abcd')).toBe(
    'can’t reach postgres://***@db/x?***',
  )
})

test('the tail of a line that was cut is its beginning', () => {
  const log = createOutputLog()
  for (let at = 0; at < 4; at++) log.write('stdout', Buffer.from(`${at}`.repeat(60_000)))
  expect(log.tail([])).toBe('0'.repeat(160))
})
