/** Everything that is no route of the API: what a wrongly typed address meets. */
import type { Answer } from './answers.cts';
import { html } from './answers.cts';
import { hateoas, proxyPage } from './problems.cts';
import type { Call, Route } from './routes.cts';

export const otherRoute: Route = { key: 'other', anonymous: true, serve: answerOther };

const PAGE = `<!doctype html>
<html lang="en">
	<head><meta charset="utf-8"><title>Airbyte</title></head>
	<body><div id="root"></div></body>
</html>
`;

/** A self-managed Airbyte's web app answers any address with its page, and 200. */
function answerOther(call: Call): Answer {
	if (/^\/(api|v1)(\/|$)/.test(call.path)) return hateoas(404, call.url, 'Page Not Found');
	return call.method === 'GET' ? html(PAGE) : proxyPage(405, '405 Not Allowed');
}
