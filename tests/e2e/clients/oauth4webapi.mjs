import { form, load, run } from './lines.mjs'

const oauth = await load('oauth4webapi/build/index.js')
const ways = { basic: oauth.ClientSecretBasic, post: oauth.ClientSecretPost, none: oauth.None }

await run(async (c, ask) => {
  const issuer = new URL(c.issuer), client = { client_id: c.id, id_token_signed_response_alg: c.alg }
  // by RFC 8414's path, where the others go by OpenID Connect Discovery's
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }))
  const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce()
  const url = new URL(as.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: c.id, response_type: 'code', redirect_uri: c.redirect_uri, scope: c.scope, state, nonce, response_mode: c.mode,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const answer = await ask(url)
  const params = oauth.validateAuthResponse(as, client, form(answer) ?? new URL(answer.url), state)
  const response = await oauth.authorizationCodeGrantRequest(as, client, ways[c.method](c.secret), params, c.redirect_uri, verifier)
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(as, response)
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const info = await oauth.userInfoRequest(as, client, tokens.access_token)
  return { claims, userinfo: await oauth.processUserInfoResponse(as, client, claims.sub, info), id_token: tokens.id_token }
})
