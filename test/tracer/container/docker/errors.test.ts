/** What the Docker engine refuses, as errors that a person can act on. */
import { expect, test } from 'vitest'
import { HeadstartError } from '../../../../system/errors.ts'
import { asRunError, ignoreMissing, isMissing } from '../../../../tracer/container/docker/errors.ts'

const refused = (message: string) => asRunError(Promise.reject(new Error(message)))
const status = (statusCode: number) => Object.assign(new Error('engine'), { statusCode })

test('a port in use is named, with what to do about it', async () => {
  const message = 'driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated'
  await expect(refused(message)).rejects.toMatchObject({
    code: 'E_RUN',
    message: 'port 8080 of this machine is in use',
    hint: expect.stringMatching(
      /^Publish another port with -p, or stop what uses it; headstart profile needs none/,
    ),
  })
})

test('anything else is the engine’s own message; errors of ours pass', async () => {
  await expect(refused('no such device')).rejects.toThrow(
    /^the Docker engine refused the container: no such device$/,
  )
  const ours = new HeadstartError('E_OPTION', 'x')
  await expect(asRunError(Promise.reject(ours))).rejects.toBe(ours)
})

test.each([
  ['ECONNRESET', /^the Docker engine ended the connection before it had answered$/],
  ['EPIPE', /^the Docker engine ended the connection before it had answered$/],
  ['ECONNREFUSED', /^no Docker engine answers: /],
])('%s: an engine that is gone has refused nothing', async (code, message) => {
  const lost = asRunError(Promise.reject(Object.assign(new Error('lost'), { code })))
  await expect(lost).rejects.toMatchObject({ code: 'E_ENGINE', message: expect.stringMatching(message) })
})

test('what is gone need not be removed', async () => {
  expect([404, 409, 500].map((code) => isMissing(status(code)))).toEqual([true, true, false])
  await ignoreMissing(Promise.reject(status(404)))
  await expect(ignoreMissing(Promise.reject(status(500)))).rejects.toThrow('engine')
})
