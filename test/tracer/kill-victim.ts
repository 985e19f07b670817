/** A profile that never becomes ready, to be killed; it tells its phases. Arguments: image reference, engine. */
import { openSource } from '../../image/sources.ts'
import { engines } from '../../tracer/container/index.ts'
import { profileImage } from '../../tracer/profile.ts'

const [reference = '', name] = process.argv.slice(2)
await using source = await openSource(reference)
await profileImage({
  image: await source.image(),
  engine: name === 'docker' ? engines.docker.name : engines.runc.name,
  command: [],
  tool: 'test',
  ready: { by: 'log', pattern: /never/ },
  onOutput: () => process.send?.('output'),
  onPhase: (phase) => process.send?.(phase),
})
