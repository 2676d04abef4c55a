/** What nodes that can wait in n8n's database declare to n8n, and what they show in the editor meanwhile. */
import type {
	IDisplayOptions,
	INodeProperties,
	INodePropertyOptions,
	IWebhookDescription,
} from 'n8n-workflow';

import { jobPage } from '../api/addresses';
import type { SyncRun } from '../run/run';
import { jobOf } from '../run/run';
import { ROLE_PARAMETER } from './childWorkflow';
import { OWN_PATH } from './resumeUrl';

export const deferrableModes: INodePropertyOptions[] = [
	{
		name: 'Deferrable',
		value: 'deferrable',
		description:
			"Wait in n8n's database: holds no worker, and survives restarts. Needs n8n 2.41, which should be able to reach its own WEBHOOK_URL.",
	},
];

/** Set by Airbyte Trigger Sync itself in the workflows that wake a deferred execution; see {@link ROLE_PARAMETER}. */
export const roleProperties: INodeProperties[] = [
	{ displayName: 'Role', name: ROLE_PARAMETER, type: 'hidden', default: '' },
];

/** For fields that n8n checks before each run: a watcher or watchdog must not fail over one that it does not need. */
export const notInRole: IDisplayOptions = { show: { [ROLE_PARAMETER]: [''] } };

/** The addresses that a waiting execution is resumed by: n8n's own, and one that no other node has. */
export const resumeWebhooks: IWebhookDescription[] = ['', OWN_PATH].map((path) => ({
	name: 'default',
	httpMethod: 'POST',
	responseMode: 'onReceived',
	path,
	restartWebhook: true,
}));

/** A tooltip has room for so many jobs. */
const MOST_SHOWN = 20;

/**
 * What is waited for, as a fragment of the resume URL, for the editor gives the tooltip nothing else:
 * `[id, status, milliseconds of when it had it, page]` of each job.
 *
 * @param now milliseconds since the epoch
 */
export function shownJobs(runs: SyncRun[], now: number): string {
	const jobs = runs.slice(0, MOST_SHOWN).flatMap((run) => {
		const job = jobOf(run);
		if (!job) return [];
		const status = job.status.replace(/[^\w -]/g, '');
		const page = run.connection?.url && jobPage(run.connection.url, job.jobId);
		return [[String(job.jobId), status, now, encodeURI(page ?? '')]];
	});
	return encodeURIComponent(JSON.stringify(jobs));
}

/** Runs in the editor, on its own: it cannot use anything from around it. */
const tooltip = `(([url, jobs]) =>
	(JSON.parse(decodeURIComponent(jobs ?? "[]"))
		.map(([id, status, at, page]) =>
			(page ? '<a href="' + page + '" target="_blank">Airbyte job ' + id + "</a>" : "Airbyte job " + id) +
			": " + status + " at " + new Date(at).toLocaleTimeString())
		.join("<br>") || "No job is running yet") +
	"<br><br>To make n8n check now, send a POST to<br>" +
	url.replace(/.{8}/g, "$&<wbr>"))($execution.resumeUrl.split("#"))`;

/** What the editor shows at the node meanwhile; see {@link shownJobs}. */
export const waitingNodeTooltip = `={{ ${tooltip.replace(/\s+/g, ' ')} }}`;
