/** The process that a container starts: the image's config, overridden as `docker run` does. */
import { expect, test } from 'vitest'
import { mergeEnv, planProcess } from '../../../../tracer/container/options/process.ts'
import type { RunOptions } from '../../../../tracer/container/options/run-options.ts'
import { PROCESS as config } from './process-config.ts'

test('the image’s own process', () => {
  expect(planProcess(config, {}, [])).toEqual({
    args: ['/entry', 'serve'],
    env: ['PATH=/app', 'A=image'],
    cwd: '/srv',
    user: 'web',
  })
})

test.each<[string, RunOptions, string[], string[]]>([
  ['a command replaces Cmd', {}, ['other'], ['/entry', 'other']],
  ['another entrypoint drops Cmd', { entrypoint: ['/mine'] }, [], ['/mine']],
  ['no entrypoint, a command', { entrypoint: [] }, ['sh', '-c', 'x'], ['sh', '-c', 'x']],
])('%s', (_name, options, command, args) => {
  expect(planProcess(config, options, command).args).toEqual(args)
})

test('nothing to run is an error; a PATH is always there', () => {
  expect(() => planProcess({ ...config, entrypoint: [], cmd: [] }, {}, [])).toThrow(/no command/)
  expect(() => planProcess(config, { entrypoint: [] }, [])).toThrow(/no command/)
  expect(planProcess({ ...config, env: [] }, {}, []).env[0]).toMatch(/^PATH=.*\/usr\/bin/)
  expect(mergeEnv(['A=1', 'BARE', '=x'], ['A=2', 'B=a=b'])).toEqual(['A=2', 'B=a=b'])
})
