import { form, load, run } from './lines.mjs'

const { Issuer, generators } = await load('openid-client-5/lib/index.mjs')
const ways = { basic: 'client_secret_basic', post: 'client_secret_post', none: 'none' }

await run(async (c, ask) => {
  const issuer = await Issuer.discover(c.issuer)
  const client = new issuer.Client({
    client_id: c.id, ...(c.secret ? { client_secret: c.secret } : {}), redirect_uris: [c.redirect_uri], response_types: ['code'],
    token_endpoint_auth_method: ways[c.method], id_token_signed_response_alg: c.alg,
  })
  const code_verifier = generators.codeVerifier(), state = generators.state(), nonce = generators.nonce()
  const answer = await ask(client.authorizationUrl({
    scope: c.scope, state, nonce, response_mode: c.mode,
    code_challenge: generators.codeChallenge(code_verifier), code_challenge_method: 'S256',
  }))
  const posted = form(answer)
  const params = client.callbackParams(posted ? { method: 'POST', url: '/', body: Object.fromEntries(posted) } : answer.url)
  const tokens = await client.callback(c.redirect_uri, params, { code_verifier, state, nonce, response_type: 'code' })
  return { claims: tokens.claims(), userinfo: await client.userinfo(tokens), id_token: tokens.id_token }
})
