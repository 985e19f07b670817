/** Options of `docker run` as flags of `ctr run`. */
import { describe, expect, test } from 'vitest'
import { ctrFlags } from '../../../../report/bench/runtime/ctr-flags.ts'
import type { RunOptions } from '../../../../tracer/container/options/run-options.ts'

describe('options of docker run, as ctr knows them', () => {
  const flags = (options: RunOptions, help = '--user') => ctrFlags(options, '/w/env', help).join(' ')

  test('are translated', () => {
    expect(flags({})).toBe('--net-host --allow-new-privs')
    expect(flags({ network: 'none', env: ['A=1'], user: 'app', workingDir: '/srv' })).toBe(
      '--allow-new-privs --env-file /w/env --user app --cwd /srv',
    )
    const bind = { type: 'bind', source: '/a,b', target: '/c', readOnly: true } as const
    const memory = { type: 'tmpfs', source: '', target: '/t', readOnly: false } as const
    expect(flags({ binds: [bind, memory] })).toContain(
      '--mount type=bind,"src=/a,b",dst=/c,options=rbind:ro --mount type=tmpfs,src=tmpfs,dst=/t,options=nosuid',
    )
    expect(flags({ capAdd: ['net_admin', 'CAP_BPF'], privileged: true, memoryBytes: 9, gpus: 2 })).toMatch(
      /--cap-add CAP_NET_ADMIN --cap-add CAP_BPF --privileged --memory-limit 9 --gpus 0 --gpus 1$/,
    )
    expect(flags({ shmBytes: 4096 })).toMatch(/dst=\/dev\/shm,.*size=4096$/)
  })

  test.each<[string, RunOptions, RegExp]>([
    ['ports', { publish: [{ hostIp: '', hostPort: '', containerPort: 80, protocol: 'tcp' }] }, /-p/],
    ['a user, with an old ctr', { user: 'app' }, /-u: this version/],
    ['volumes', { binds: [{ type: 'volume', source: 'data', target: '/d', readOnly: false }] }, /volume/],
    ['networks of an engine', { network: 'web' }, /not web/],
    ['lines in /etc/hosts', { addHosts: ['a:1.2.3.4'] }, /--add-host/],
    ['name servers', { dns: ['1.1.1.1'] }, /--dns/],
    ['a terminal', { tty: true }, /-t/],
    ['standard input', { interactive: true }, /-i/],
    ['all capabilities', { capAdd: ['all'] }, /--privileged/],
    ['all GPUs', { gpus: -1 }, /give a number/],
    ['values of several lines', { env: ['A=1\n2'] }, /multi-line/],
  ])('are refused with a word where it has none: %s', (_, options, reason) => {
    expect(() => flags(options, '')).toThrow(reason)
  })
})
