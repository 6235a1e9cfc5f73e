// What the clients share: one case as a line of JSON comes in, an authorization URL goes out, the browser's answer comes in, and what the
// client made of it goes out.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

export const load = file => import(pathToFileURL(`${process.env.E2E_MODULES}/${file}`).href)

// what came by form_post, or null
export const form = answer => answer.form === null ? null : new URLSearchParams(answer.form)

export async function run(signIn) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const read = async () => JSON.parse((await lines.next()).value)
  const write = value => process.stdout.write(JSON.stringify(value) + '\n')
  try {
    write({ done: await signIn(await read(), async url => (write({ url: `${url}` }), read())) })
    process.exit(0)
  } catch (e) {
    const cause = JSON.stringify(e.cause ?? '', (_, v) => v instanceof Error ? v.message : v)
    write({ error: `${e.name}: ${e.message} ${e.code ?? ''} ${cause}` })
    process.exit(1)
  }
}
