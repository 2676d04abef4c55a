/** Why a connection is switched off, in words. */
import type { Disabling } from '../api/connection';

const TOO_MANY_FAILURES = 'as too many of its jobs failed without a success: mend that first';
const BILLING = 'because of billing: settle that first';

/** Reference: the words that Airbyte's timeline has for why it switched a connection off. */
const WHY_DISABLED = new Map([
	[
		'SCHEMA_CHANGES_ARE_BREAKING',
		"as the source's schema changed in a way that breaks the connection: review the changes first",
	],
	[
		'DISABLE_CONNECTION_IF_ANY_SCHEMA_CHANGES',
		"as the source's schema changed, and its settings want it off then: review the changes first",
	],
	['TOO_MANY_FAILED_JOBS_WITH_NO_RECENT_SUCCESS', TOO_MANY_FAILURES],
	['ONLY_FAILED_JOBS_RECENTLY', TOO_MANY_FAILURES],
	['TOO_MANY_CONSECUTIVE_FAILED_JOBS_IN_A_ROW', TOO_MANY_FAILURES],
	['CONNECTOR_NOT_SUPPORTED', 'as one of its connectors is no longer supported: upgrade it first'],
	['INVALID_CREDIT_BALANCE', BILLING],
	['WORKSPACE_IS_DELINQUENT', BILLING],
	['INVOICE_MARKED_UNCOLLECTIBLE', BILLING],
	['INVALID_PAYMENT_METHOD', BILLING],
	['UNSUBSCRIBED', BILLING],
]);

/** How a connection was switched off, as a sentence. */
export function whyDisabled({ at, by, reason }: Disabling): string {
	const who = by ?? (reason ? 'Airbyte' : 'Somebody');
	const when = at ? ` on ${at.slice(0, 16).replace('T', ' at ')} UTC` : '';
	const why = reason && ` ${WHY_DISABLED.get(reason) ?? `(${reason})`}`;
	return `${who} switched it off${when}${why ?? ''}.`;
}
