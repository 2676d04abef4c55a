import type { IncomingHttpHeaders } from 'node:http';
import type { Airbyte } from './airbyte.cts';
import type { Answer } from './answers.cts';
import type { Audit } from './audit.cts';
import type { Settings } from './settings.cts';
import type { Tokens } from './token.cts';

/** A call as a route sees it. */
export interface Call {
	method: string;
	/** With the query, as it came. */
	url: string;
	path: string;
	query: Query;
	params: Record<string, string>;
	headers: IncomingHttpHeaders;
	body: string;
	/** Aborted when the server goes down. */
	lifetime: AbortSignal;
	/** Aborted then, too, and when nobody waits for the answer any more. */
	gone: AbortSignal;
}

export type Query = Record<string, string | string[] | undefined>;

/** What routes answer from. */
export interface Stage {
	airbyte: Airbyte;
	audit: Audit;
	tokens: Tokens;
	settings: Settings;
	/** The server's root, e.g. `http://127.0.0.1:8000`. */
	url: () => string;
}

/** The call is never answered, and nothing is held by it. */
export type Unanswered = 'hang';

/** The names by which faults and the audit know the routes. */
export type RouteKey =
	| 'POST /jobs'
	| 'GET /jobs'
	| 'GET /jobs/{jobId}'
	| 'DELETE /jobs/{jobId}'
	| 'GET /connections'
	| 'GET /connections/{connectionId}'
	| 'PATCH /connections/{connectionId}'
	| 'GET /workspaces'
	| 'GET /workspaces/{workspaceId}'
	| 'GET /sources'
	| 'GET /destinations'
	| 'POST /applications/token'
	| 'POST /api/v1/applications/token'
	| 'POST /api/v1/jobs/get_without_logs'
	| 'POST /api/v1/attempt/get_for_job'
	| 'POST /api/v1/connections/refresh'
	| 'POST /api/v1/connections/clear/stream'
	| 'POST /api/v1/connections/events/list'
	| 'other';

export interface Route {
	key: RouteKey;
	/** Answered to callers who have not signed in. */
	anonymous?: boolean;
	serve(call: Call, stage: Stage): Answer | Unanswered | Promise<Answer | Unanswered>;
}
