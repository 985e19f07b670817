/** Users and groups of an image, by its own /etc/passwd and /etc/group. Pure. */
import { HeadstartError } from '../../../system/errors.ts'

export interface Identity {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  readonly home: string
}

export interface Accounts {
  /** the image's */
  readonly passwd: string
  readonly group: string
  /** groups that the user is to be in as well, names or numbers */
  readonly more?: readonly string[] | undefined
}

/**
 * @param user `user[:group]`, names or numbers; '' is root
 * @throws HeadstartError E_USER: a name that the image doesn't know
 */
export function resolveUser(user: string, { passwd, group, more = [] }: Accounts): Identity {
  const [userPart = '', groupPart] = user.split(':')
  const account = findAccount(userPart || '0', passwd)
  const groups = parseColons(group)
  const gid = groupPart === undefined || groupPart === '' ? account.gid : findGroup(groupPart, groups)
  const supplementary = groups.filter((fields) => (fields[3] ?? '').split(',').includes(account.name))
  const own = groupPart ? [] : supplementary.map((fields) => Number(fields[2]))
  const added = more.map((each) => findGroup(each, groups))
  return { uid: account.uid, gid, additionalGids: [...new Set([gid, ...own, ...added])], home: account.home }
}

function findAccount(user: string, passwd: string) {
  const fields = parseColons(passwd).find(([name, , uid]) => name === user || uid === user)
  if (fields) {
    const [name = '', , uid, gid, , home = ''] = fields
    return { name, uid: Number(uid), gid: Number(gid), home: home || '/' }
  }
  if (/^\d+$/.test(user)) return { name: '', uid: Number(user), gid: 0, home: '/' }
  throw new HeadstartError('E_USER', `the image has no user ${JSON.stringify(user)}`, {
    hint: 'Use a user from its /etc/passwd, or a numeric ID',
  })
}

function findGroup(group: string, groups: readonly string[][]): number {
  const fields = groups.find(([name, , gid]) => name === group || gid === group)
  if (fields) return Number(fields[2])
  if (/^\d+$/.test(group)) return Number(group)
  throw new HeadstartError('E_USER', `the image has no group ${JSON.stringify(group)}`)
}

const parseColons = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'))
