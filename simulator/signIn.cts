/** Who may call: tokens, what stands in front, and the calls that hand tokens out. */
import type { Answer } from './answers.cts';
import { json, refuse } from './answers.cts';
import { contentTypeIs, readBody } from './parameters.cts';
import { errorId, forbidden, hateoas, notConvertible, noRoute, proxyPage } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';

const FORM = 'application/x-www-form-urlencoded';

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
 * Reference: without authentication there is no such call (404); a form is taken, too;
 * `grant-type`, however it is spelt, is never read.
 */
function tokenFor(call: Call, stage: Stage): string {
	const { settings, tokens } = stage;
	if (settings.authentication !== 'clientCredentials') refuse(noRoute());
	const { client_id: id, client_secret: secret } = readCredentials(call);
	if (typeof id !== 'string') refuse(notConvertible(call.url, 'client_id'));
	if (typeof secret !== 'string') refuse(notConvertible(call.url, 'client_secret'));
	if (id !== settings.clientId || secret !== settings.clientSecret) {
		refuse(wrongSecrets(call, settings.flavour));
	}
	return tokens.issue();
}

function readCredentials(call: Call): Record<string, unknown> {
	if (contentTypeIs(call, 'application/json')) return readBody(call);
	if (!contentTypeIs(call, FORM)) return refuse(hateoas(401, call.url));
	return Object.fromEntries(new URLSearchParams(call.body));
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

/** Seen: what is no route is refused like a call that is not signed in. */
export function passToken(call: Call, { settings, tokens }: Stage): void {
	if (settings.authentication !== 'clientCredentials') return;
	const [, token = ''] = /^Bearer (.+)$/i.exec(call.headers.authorization ?? '') ?? [];
	if (!tokens.accepts(token)) refuse(hateoas(401, call.url));
}
