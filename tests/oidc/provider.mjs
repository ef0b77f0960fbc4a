// A real OpenID Connect provider, for tests: oidc-provider with people in memory, a sign-in form of two fields, and a way to change people from outside.
// Its configuration is one line of JSON on standard input; see provider.py.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
const given = JSON.parse(line);
let people = given.people;

const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${body}</html>`;

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(given.issuer, {
  clients: [
    {
      client_id: given.client_id,
      client_secret: given.client_secret,
      redirect_uris: given.redirect_uris,
      post_logout_redirect_uris: given.post_logout_redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  jwks: { keys: [{ ...key, alg: 'RS256', use: 'sig', kid: 'test' }] },
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'], email: ['email', 'email_verified'] },
  pkce: { required: () => true },
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { Session: 3600, Interaction: 600, Grant: 3600, IdToken: 600, RefreshToken: 3600, ...given.ttl },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (ctx, form) => {
        ctx.body = page('Sign out of the provider?', `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out here too</button>`);
      },
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(_ctx, id) {
    const person = people.find((one) => one.sub === id && !one.disabled);
    return person && { accountId: id, claims: async () => ({ ...person.claims, sub: id }) };
  },
  // Nobody is asked whether Labyard may know who they are.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email offline_access');
    await grant.save();
    return grant;
  },
});

async function body(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

function form(uid, problem) {
  return page(
    'Sign in at the provider',
    `${problem ? `<p role="alert">${escape(problem)}</p>` : ''}<form method="post" action="/interaction/${uid}">
     <label>Name <input name="name" autofocus></label> <label>Password <input name="password" type="password"></label>
     <button type="submit" name="do" value="sign-in">Sign in</button> <button type="submit" name="do" value="cancel">Cancel</button></form>`,
  );
}

async function interact(request, response, uid) {
  await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(form(uid));
    return;
  }
  const fields = new URLSearchParams(await body(request));
  if (fields.get('do') === 'cancel') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'they said <b>no</b>' });
    return;
  }
  const person = people.find((one) => one.login === fields.get('name') && one.password === fields.get('password') && !one.disabled);
  if (!person) {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(form(uid, 'Wrong name or password.'));
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: person.sub } });
}

const callback = provider.callback();
const server = createServer(async (request, response) => {
  try {
    const path = new URL(request.url, given.issuer).pathname;
    if (path === '/test/people' && request.method === 'PUT') {
      people = JSON.parse(await body(request));
      response.writeHead(204).end();
    } else if (path.startsWith('/interaction/')) {
      await interact(request, response, path.split('/')[2]);
    } else {
      await callback(request, response);
    }
  } catch (error) {
    process.stderr.write(`${error.stack}\n`);
    if (!response.headersSent) response.writeHead(400);
    response.end(page('Error', escape(error.message)));
  }
});
provider.on('grant.error', (_ctx, error) => process.stderr.write(`grant: ${error.message} ${error.error_detail ?? ''}\n`));
provider.on('server_error', (_ctx, error) => process.stderr.write(`${error.stack}\n`));
server.listen(given.port, '127.0.0.1', () => process.stdout.write('ready\n'));
