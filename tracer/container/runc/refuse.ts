/** What runc alone can't do for a container. Pure. */
import { HeadstartError } from '../../../system/errors.ts'
import type { RunOptions } from '../options/run-options.ts'
import type { ContainerRequest } from '../types.ts'
import { isKnownSecurity } from './config.ts'

/** @throws HeadstartError E_OPTION naming the first of them */
export function refuseOptions({ options, terminal, unreached }: ContainerRequest): void {
  const { network, binds = [], pid, ipc, security = [] } = options
  const refused = [
    network !== undefined && network !== 'host' && network !== 'none' && `--network ${network}`,
    options.gpus !== undefined && '--gpus',
    unreached && isPublished(options) && '-p',
    options.publishAll && '-P',
    options.tty && terminal?.size() === undefined && '-t where there is no terminal',
    binds.some(({ type, source }) => type === 'volume' && source !== '') && 'named volumes',
    options.init && '--init',
    options.devices && '--device',
    pid !== undefined && pid !== 'host' && `--pid ${pid}`,
    ipc !== undefined && ipc !== 'host' && ipc !== 'private' && `--ipc ${ipc}`,
    ...security.map((each) => !isKnownSecurity(each) && `--security-opt ${each.slice(0, 100)}`),
  ]
  const option = refused.find((each) => typeof each === 'string')
  if (typeof option === 'string')
    throw new HeadstartError('E_OPTION', `the runc engine does not support ${option}`, {
      hint: 'Use --engine docker',
    })
}

/** A port that would have to be reached from outside of its own network, or under another number. */
const isPublished = ({ network, publish = [] }: RunOptions): boolean =>
  publish.some(
    ({ hostPort, containerPort }) =>
      network !== 'host' || (hostPort !== '' && Number(hostPort) !== containerPort),
  )
