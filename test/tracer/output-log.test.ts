/** A container's output, line by line. */
import { expect, test } from 'vitest'
import { createOutputLog } from '../../tracer/output-log.ts'

const linesOf = (chunks: readonly (string | Buffer)[], listenAfter = 0): string[] => {
  const log = createOutputLog()
  const lines: string[] = []
  chunks.forEach((chunk, index) => {
    if (index === listenAfter) log.onLine((line) => lines.push(line))
    log.write('stdout', Buffer.from(chunk))
  })
  return lines
}

test('lines in pieces, a beginning without an end, characters cut in two', () => {
  expect(linesOf(['a\nb', 'c\n'])).toEqual(['a', 'b', 'bc'])
  const euro = Buffer.from('€\n')
  expect(linesOf([euro.subarray(0, 1), euro.subarray(1)])).toEqual(['€'])
})

test('what came before anybody listened is told, with its time', async () => {
  const log = createOutputLog()
  log.write('stdout', Buffer.from('early\n'))
  await new Promise((resolve) => setTimeout(resolve, 20))
  const seen: { line: string; at: number }[] = []
  log.onLine((line, at) => seen.push({ line, at }))
  log.write('stderr', Buffer.from('late\n'))
  expect(seen.map(({ line }) => line)).toEqual(['early', 'late'])
  expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThan(10)
})

test('the tail is one line, without secrets and without control characters', () => {
  const log = createOutputLog()
  log.write('stderr', Buffer.from('\u001b[31mpassword is hunter22\u001b[0m\n\n  at x\r\nno end'))
  expect(log.tail(['hunter22', 'at'])).toBe('password is *** | at x | no end')
})
