/** Everything that is no route of the API: what a wrongly typed address meets. */
import type { Answer } from './answers.cts';
import { html } from './answers.cts';
import { hateoas, noRoute, proxyPage } from './problems.cts';
import type { Call, Route, Stage } from './routes.cts';
import { passToken } from './signIn.cts';

export const otherRoute: Route = { key: 'other', anonymous: true, serve: answerOther };

const PAGE = `<!doctype html>
<html lang="en">
	<head><meta charset="utf-8"><title>Airbyte</title></head>
	<body><div id="root"></div></body>
</html>
`;

/** A self-managed Airbyte's web app answers any address with its page, and 200. */
function answerOther(call: Call, stage: Stage): Answer {
	const { flavour } = stage.settings;
	const isApi = flavour === 'cloud' || /^\/api(\/|$)/.test(call.path);
	if (isApi) return unknownPath(call, stage);
	return call.method === 'GET' ? html(PAGE) : proxyPage(405, '405 Not Allowed');
}

/**
 * Seen: an address, a method or a content type that Airbyte has no route for is 401 without a token
 * and 403 with one, in the framework's words; only without authentication it is told to be missing.
 */
export function unknownPath(call: Call, stage: Stage): Answer {
	passToken(call, stage);
	return stage.settings.authentication === 'clientCredentials' ? hateoas(403, call.url) : noRoute();
}
