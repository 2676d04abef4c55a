/** Who may call: tokens, the ingress in front, and the calls that hand tokens out. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import { isJson, readBody } from './parameters.cts';
import { errorId, forbidden, hateoas, proxyPage } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';

/** Reference: the public call tells the lifetime, its twin in the config API does not. */
export const publicTokenRoute: Route = {
	key: 'POST /applications/token',
	anonymous: true,
	serve: (call, stage) =>
		json({
			access_token: tokenFor(call, stage),
			token_type: 'Bearer',
			expires_in: stage.settings.reportedTokenLifetimeSeconds,
		}),
};

export const configTokenRoute: Route = {
	key: 'POST /api/v1/applications/token',
	anonymous: true,
	serve: (call, stage) => json({ access_token: tokenFor(call, stage) }),
};

/**
 * Reference: without authentication there is no such call (404); anything but JSON, a form above
 * all, is 401; `grant-type`, however it is spelt, is never read.
 */
function tokenFor(call: Call, { settings, tokens }: Stage): string {
	if (settings.authentication !== 'clientCredentials') refuse(hateoas(404, call.url));
	if (!isJson(call)) refuse(hateoas(401, call.url));
	const { client_id: id, client_secret: secret } = readBody(call);
	if (id == null || secret == null) refuse(errorId(400));
	if (id !== settings.clientId || secret !== settings.clientSecret) {
		refuse(wrongSecrets(call, settings.flavour));
	}
	return tokens.issue();
}

const wrongSecrets = (call: Call, flavour: 'cloud' | 'selfManaged'): Answer =>
	flavour === 'cloud' ? errorId(401) : hateoas(400, call.url, 'Invalid client id or token');

/** Everything behind the ingress asks for the password, not the API alone. */
export function passIngress(call: Call, { settings }: Stage): void {
	if (settings.authentication !== 'basicAuth') return;
	const pair = Buffer.from(`${settings.username}:${settings.password}`).toString('base64');
	if (call.headers.authorization === `Basic ${pair}`) return;
	const page = proxyPage(401, '401 Authorization Required');
	const headers = { ...page.headers, 'www-authenticate': 'Basic realm="Airbyte"' };
	refuse({ ...page, headers });
}

/** Reference: Cloud turns callers without a User-Agent away. */
export function passUserAgent(call: Call, { settings }: Stage): void {
	if (settings.flavour === 'cloud' && !call.headers['user-agent']) refuse(forbidden());
}

export function passToken(call: Call, { settings, tokens }: Stage): void {
	if (settings.authentication !== 'clientCredentials') return;
	const [, token = ''] = /^Bearer (.+)$/i.exec(call.headers.authorization ?? '') ?? [];
	if (!tokens.accepts(token)) refuse(hateoas(401, call.url));
}
