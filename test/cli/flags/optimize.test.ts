/** The command line of `optimize`, as the request that is handed on: files that it names are read by then. */
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import {
  addOptimizeFlags,
  type OptimizeFlags,
  type OptimizeRequest,
  optimizeRequest,
} from '../../../cli/flags/optimize.ts'
import { DEFAULT_OPTIONS } from '../../../optimizer/options.ts'
import { writeTrace } from '../../../tracer/trace/file.ts'
import { tempFolder } from '../../support/temp.ts'
import { traceFile, traceOf } from '../../tracer/trace/traces.ts'

async function requestOf(...args: readonly string[]): Promise<OptimizeRequest> {
  let request: OptimizeRequest | undefined
  const command = addOptimizeFlags(
    new Command().exitOverride().configureOutput({ writeErr: () => {} }),
  ).action(async (_from: string, _to: string, more: string[], flags: OptimizeFlags) => {
    request = await optimizeRequest(more, flags)
  })
  await command.parseAsync(args, { from: 'user' })
  if (!request) throw new Error('no request')
  return request
}

test('without a trace, and with none attached, the start is recorded, as the flags say', async () => {
  const request = await requestOf(
    ...[
      'web:1',
      'oci:out',
      '--ready-tcp',
      '80',
      '--grace',
      '2s',
      '--runs',
      '3',
      '--fuse',
      'kernel',
      '-u',
      'web',
    ],
    ...['--', 'serve'],
  )
  expect(request).toMatchObject({
    replaceTarget: false,
    allPlatforms: false,
    start: {
      from: {
        attached: {
          otherwise: {
            options: { command: ['serve'], run: { user: 'web' }, graceMs: 2000, runs: 3, server: 'kernel' },
            ready: { readyTcp: 80 },
          },
        },
      },
      minRuns: 1,
    },
  })
})

test('attached traces are chosen by flags, which leave no start to record', async () => {
  const fromOf = async (...flags: string[]) => (await requestOf('a', 'b', ...flags)).start.from
  expect(await fromOf('--profile-name', 'web')).toEqual({
    attached: { to: [], names: ['web'], mustStartAlike: false },
  })
  expect(await fromOf('--profile-from', 'c', '--profile-from', 'd', '--profile-name', 'web')).toEqual({
    attached: { to: ['c', 'd'], names: ['web'], mustStartAlike: false },
  })
  expect(await fromOf('--record')).toMatchObject({ record: {} })
  await expect(fromOf('--record', '--profile-from', 'c')).rejects.toThrow(/cannot be used with/)
  await expect(fromOf('--profile-name', '../x')).rejects.toThrow(/is not a valid profile name/)
})

test('with traces nothing is recorded', async () => {
  await using temp = await tempFolder()
  const file = join(temp.path, 'trace.json')
  const trace = traceOf([traceFile('app')])
  await writeTrace(file, trace)
  const { start } = await requestOf('a', 'b', '--trace', file, '--trace', file, '--min-runs', '2')
  expect(start).toEqual({
    from: {
      traces: [
        { kind: 'trace', trace },
        { kind: 'trace', trace },
      ],
    },
    minRuns: 2,
  })
})

test('what no flag says is the default, and layers are counted from 1', async () => {
  const { options } = await requestOf('a', 'b')
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  expect({ ...DEFAULT_OPTIONS, ...given }).toEqual(DEFAULT_OPTIONS)
  const changed = await requestOf(
    ...['a', 'b', '--only-layers', '1, 3', '--chunk-size', '1MiB', '--max-zone', '20MB', '--latency', '50ms'],
    ...['--exclude', '**/*.pyc', '--min-coverage', '80%'],
  )
  expect(changed.options).toMatchObject({
    onlyLayers: [0, 2],
    chunkSize: 1 << 20,
    maxZone: 20e6,
    network: { latencyMs: 50 },
    exclude: ['**/*.pyc'],
    minCoverage: 0.8,
  })
})
