/** The page's program. */
import { execFileSync } from 'node:child_process'
import { test } from 'vitest'

test('the page’s program passes the type checker', () => {
  execFileSync('node_modules/.bin/tsc', ['-p', 'report/page/client'], { encoding: 'utf8' })
})
