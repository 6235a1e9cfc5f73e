import { form, load, run } from './lines.mjs'

const oidc = await load('openid-client-6/build/index.js')
const ways = { basic: oidc.ClientSecretBasic, post: oidc.ClientSecretPost, none: oidc.None }

await run(async (c, ask) => {
  const config = await oidc.discovery(new URL(c.issuer), c.id, { id_token_signed_response_alg: c.alg }, ways[c.method](c.secret))
  oidc.enableNonRepudiationChecks(config)
  const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState(), nonce = oidc.randomNonce()
  const answer = await ask(oidc.buildAuthorizationUrl(config, {
    redirect_uri: c.redirect_uri, scope: c.scope, state, nonce, response_mode: c.mode,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }))
  const posted = form(answer)
  const callback = posted ? new Request(answer.url, { method: 'POST', body: posted }) : new URL(answer.url)
  const tokens = await oidc.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  })
  const claims = tokens.claims()
  return { claims, userinfo: await oidc.fetchUserInfo(config, tokens.access_token, claims.sub), id_token: tokens.id_token }
})
