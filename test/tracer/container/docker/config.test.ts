/** A container as the Docker engine is asked for it. */
import { expect, test } from 'vitest'
import { containerConfig } from '../../../../tracer/container/docker/config.ts'
import { planProcess } from '../../../../tracer/container/options/process.ts'
import type { RunOptions } from '../../../../tracer/container/options/run-options.ts'
import { PROCESS as config } from '../options/process-config.ts'

const docker = (options: RunOptions, outside = false) =>
  containerConfig(
    { id: 'headstart-1-ab', process: planProcess(config, options, []), options },
    { image: 'shell:1', binds: [], mark: '1-2-3-0a0b0c0d', outside },
  )

test('docker: nothing asked for, nothing but the process', () => {
  const { HostConfig, ...rest } = docker({})
  expect(rest).toMatchObject({
    Entrypoint: ['/entry'],
    Cmd: ['serve'],
    User: 'web',
    Tty: false,
    OpenStdin: false,
  })
  expect(HostConfig).toMatchObject({ Privileged: false, Mounts: [], PortBindings: {} })
  for (const absent of ['NetworkMode', 'ShmSize', 'Memory', 'DeviceRequests'])
    expect(HostConfig).not.toHaveProperty(absent)
})

test('docker: options are the engine’s', () => {
  const { HostConfig, ...rest } = docker({
    interactive: true,
    tty: true,
    gpus: -1,
    network: 'mine',
    publish: [{ hostIp: '127.0.0.1', hostPort: '8080', containerPort: 80, protocol: 'tcp' }],
    binds: [
      { type: 'volume', source: 'data', target: '/data', readOnly: true },
      { type: 'tmpfs', source: '', target: '/t', readOnly: false, options: ['size=1m'] },
    ],
  })
  expect(rest).toMatchObject({ Tty: true, OpenStdin: true, StdinOnce: true, ExposedPorts: { '80/tcp': {} } })
  expect(HostConfig).toMatchObject({
    NetworkMode: 'mine',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
    DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }],
    Mounts: [{ Type: 'volume', Source: 'data', Target: '/data', ReadOnly: true }],
    Tmpfs: { '/t': 'rw,size=1m' },
  })
})

test('docker: an engine outside of our container makes the folders of -v itself', () => {
  const made = { type: 'bind', source: '/a', target: '/b', readOnly: true, create: true } as const
  const there = { type: 'bind', source: '/c', target: '/d', readOnly: false } as const
  const { HostConfig } = docker({ binds: [made, there] }, true)
  expect(HostConfig).toMatchObject({
    Binds: ['/a:/b:ro'],
    Mounts: [{ Type: 'bind', Source: '/c', Target: '/d', ReadOnly: false }],
  })
  expect(docker({ binds: [made, there] }).HostConfig).not.toHaveProperty('Binds')
})
