// A certified OpenID provider on this machine, with people of its own. It forgets everything when it is opened anew, as
// one that was set up from scratch does, and can be away.

import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { freePort } from "./program.mjs";

// It warns that it keeps nothing and that everybody may sign in, which is what it is for here.
for (const way of ["info", "warn"]) {
  const say = console[way];
  console[way] = (...words) => String(words[0]).startsWith("oidc-provider") || say(...words);
}
// It is made for Node 22, and asks for one thing that earlier ones may lack.
URL.parse ??= (...parts) => (URL.canParse(...parts) ? new URL(...parts) : null);
const { Provider } = await import("oidc-provider");

const CLIENT = "halaxy-bridge";
const SECRET = "a secret: of % the client";

// Who can sign in there: by name, with any password.
const PEOPLE = {
  rose: { name: "Rose Brook", email: "rose@practice.example", email_verified: true, groups: ["everybody", "front-desk"] },
  omar: { name: "Omar Lind", email: "omar@practice.example", email_verified: true, groups: ["it"] },
  carla: { name: "Carla Moor", email: "carla@practice.example", email_verified: true, groups: ["cleaners"] },
  vera: { name: "Vera Zorn", email: "vera@elsewhere.example", email_verified: true, groups: ["front-desk"] },
};

export class IdentityProvider {
  // Opens it for an app at that address.
  static async open(app) {
    const provider = new IdentityProvider();
    provider.app = app;
    provider.port = await freePort();
    provider.client = { issuer: `http://127.0.0.1:${provider.port}`, client: CLIENT, secret: SECRET };
    await provider.back("RS256", { everythingInToken: false });
    return provider;
  }

  // Comes back after it was away, with another key of that method. By the standard an ID token of the code flow names
  // nobody but by number, and the rest is asked for; many products put everything into it.
  async back(method, { everythingInToken }) {
    const { privateKey } = await generateKeyPair(method, { extractable: true });
    const key = { ...(await exportJWK(privateKey)), use: "sig", alg: method, kid: `${method}-${Date.now()}` };
    const provider = new Provider(this.client.issuer, {
      clients: [
        {
          client_id: CLIENT,
          client_secret: SECRET,
          redirect_uris: [`${this.app}/sign-in/back`],
          id_token_signed_response_alg: method,
        },
      ],
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
      conformIdTokenClaims: !everythingInToken,
      cookies: { keys: ["a key of the cookies"] },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: `s-${id}`, ...PEOPLE[id] }) }),
      jwks: { keys: [key] },
      pkce: { required: () => true },
    });
    this.server = createServer(provider.callback());
    await new Promise((on) => this.server.listen(this.port, "127.0.0.1", on));
  }

  async close() {
    if (!this.server) return;
    this.server.closeAllConnections();
    await new Promise((on) => this.server.close(on));
    this.server = undefined;
  }
}
