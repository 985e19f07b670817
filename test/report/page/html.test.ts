/** HTML from templates. */
import { expect, test } from 'vitest'
import { html } from '../../../report/page/html.ts'

test('values are escaped in text and attributes, and made visible', () => {
  expect(html`<p title="${`"'>`}">${'<b>&'}</p>`.html).toBe('<p title="&quot;&#39;&gt;">&lt;b&gt;&amp;</p>')
  expect(html`${'x\u202ey'}`.html).toBe('x\\u202ey')
})
