/** Makes a workspace with a file in it, tells of it in a line of JSON, and lives until it is killed or told to end. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createWorkspace } from '../../system/workspace.ts'

await using workspace = await createWorkspace()
await writeFile(join(await workspace.sub('deep/in'), 'file'), 'x')
const { id, folder, state } = workspace
process.stdout.write(`${JSON.stringify({ id, folder, state })}\n`)
for await (const _ of process.stdin); // until it ends
