/** For CI systems that show test results: a test case for each arm that was measured and each limit that was checked. */
import { visible } from '../../../system/text/visible.ts'
import type { Check } from '../budget.ts'
import type { Conclusion } from '../conclusion.ts'
import { metricText } from '../units.ts'
import { conditions } from './rows.ts'

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** XML 1.0 has no place for control characters, halves of pairs and these two, not even escaped. */
const escaped = (text: string): string =>
  visible(text)
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign)

function checkCase({ metric, arm, value, limit, baseline, ok, note }: Check): string {
  const what = baseline === undefined ? 'budget' : 'baseline'
  const open = `    <testcase classname="headstart.${what}" name="${escaped(`${arm}: ${metric}`)}"`
  const message = escaped(`${metricText(metric, value)}, the limit is ${metricText(metric, limit)}`)
  if (!ok) return `${open}>\n      <failure message="${message}"/>\n    </testcase>`
  return note === undefined
    ? `${open}/>`
    : `${open}>\n      <system-out>${message}: ${escaped(note)}</system-out>\n    </testcase>`
}

export function toJunit({ bench, arms, checks }: Conclusion): string {
  const starts = arms.map(
    ({ arm, total }) =>
      `    <testcase classname="headstart.bench" name="${escaped(arm.id)}" time="${(total.median / 1000).toFixed(3)}"/>`,
  )
  const failures = checks.filter(({ ok }) => !ok).length
  const cases = [...starts, ...checks.map(checkCase)]
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="headstart" tests="${cases.length}" failures="${failures}" timestamp="${escaped(bench.startedAt)}">
    <properties><property name="conditions" value="${escaped(conditions(bench))}"/></properties>
${cases.join('\n')}
  </testsuite>
</testsuites>
`
}
