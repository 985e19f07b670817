/** A fleet's server as people and Prometheus see it. */
import { z } from 'zod'
import { until } from '../../../scripts/support/until.ts'

const rowSchema = z.object({
  source: z.string(),
  state: z.string(),
  error: z.string().optional(),
})
const overviewSchema = z.object({ rows: z.array(rowSchema) })
export type Row = z.infer<typeof rowSchema>

export interface Seen {
  rows(): Promise<Row[]>
  /** @param sample name and labels, as in Prometheus's text */
  metric(sample: string): Promise<number>
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>
  /** all that anybody can read */
  everything(): Promise<string>
}

const OPEN = ['record', 'rebuild'].flatMap((kind) =>
  ['waiting', 'running'].map((state) => `jobs{kind="${kind}",state="${state}"}`),
)

export function seenAt(address: string): Seen {
  const textOf = async (path: string): Promise<string> => {
    const answer = await fetch(`http://${address}${path}`)
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return await answer.text()
  }
  const metrics = async (): Promise<(sample: string) => number> => {
    const lines = (await textOf('/metrics')).split('\n')
    return (sample) =>
      Number(
        lines
          .find((line) => line.startsWith(`headstart_fleet_${sample} `))
          ?.split(' ')
          .at(-1),
      )
  }
  return {
    rows: async () => overviewSchema.parse(JSON.parse(await textOf('/api/fleet'))).rows,
    metric: async (sample) => (await metrics())(sample),
    idle: () =>
      until('nothing waits or runs', async () => {
        const now = await metrics()
        return OPEN.every((sample) => now(sample) === 0)
      }),
    everything: async () => (await Promise.all(['/', '/api/fleet', '/metrics'].map(textOf))).join('\n'),
  }
}
