/** How readiness was determined, in words that end up in files that are shared. */
import { expect, test } from 'vitest'
import type { ReadyCheck } from '../../../../tracer/container/readiness/readiness.ts'
import { readyText } from '../../../../tracer/container/readiness/ready-text.ts'

test.each<[ReadyCheck, string]>([
  [{ by: 'log', pattern: /Running on/ }, 'a line of the output matches /Running on/'],
  [
    { by: 'http', url: 'http://localhost:8000/health', status: 204 },
    'http://localhost:8000/health responds with 204',
  ],
  [{ by: 'tcp', port: 5432 }, 'port 5432 accepts connections'],
  [{ by: 'health', command: ['a'] }, 'the healthcheck of the image passes'],
  [{ by: 'exit' }, 'the container exits with 0'],
  [{ by: 'interrupt' }, 'it is interrupted'],
  [{ by: 'period', ms: 2500 }, '2.5 s have passed'],
])('%o', (check, text) => {
  expect(readyText(check)).toBe(text)
})

test('no secret of a check is repeated', () => {
  const url = 'http://user:hunter2@localhost:8000/x?token=hunter2'
  for (const check of [
    { by: 'http', url },
    { by: 'exec', command: ['login', 'hunter2'] },
  ] as const)
    expect(readyText(check)).not.toContain('hunter2')
})
