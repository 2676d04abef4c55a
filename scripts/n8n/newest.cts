/** Which n8n its makers have released last, and whether npm has it: from version 3 on, n8n comes as an image only. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import axios from 'axios';

const RELEASE = 'https://api.github.com/repos/n8n-io/n8n/releases/latest';
const TIMEOUT_MS = 5_000;

interface Newest {
	/** On GitHub. */
	released?: string;
	onNpm?: string;
}

/** Prints which n8n runs; without an answer from GitHub and npm it says no more than that. */
export async function nameN8n(running: string): Promise<void> {
	const [released, onNpm] = await Promise.all([newestRelease(), newestOnNpm()]);
	for (const line of aboutNewer(running, { released, onNpm })) console.log(line);
}

/** Which n8n runs, and what there is that is newer, a line for each. */
function aboutNewer(running: string, { released, onNpm }: Newest): string[] {
	const lines = [`n8n ${running}`];
	if (isNewer(onNpm, running)) {
		lines.push(`  n8n ${onNpm} is on npm: N8N_VERSION=${onNpm} asks for that one`);
	}
	if (isNewer(released, running) && isNewer(released, onNpm ?? running)) {
		lines.push(
			`  n8n ${released} is out, but not on npm. The demo takes one that runs elsewhere: N8N_URL, N8N_API_KEY`,
		);
	}
	return lines;
}

function isNewer(version: string | undefined, than: string): version is string {
	return version !== undefined && version.localeCompare(than, 'en', { numeric: true }) > 0;
}

async function newestRelease(): Promise<string | undefined> {
	try {
		const { data } = await axios.get<{ tag_name?: string }>(RELEASE, { timeout: TIMEOUT_MS });
		return /^n8n@(\d+\.\d+\.\d+)$/.exec(data.tag_name ?? '')?.[1];
	} catch {
		return undefined;
	}
}

async function newestOnNpm(): Promise<string | undefined> {
	try {
		const view = ['view', 'n8n', 'version', '--fetch-retries=0'];
		const { stdout } = await promisify(execFile)('npm', view, { timeout: TIMEOUT_MS });
		return stdout.trim();
	} catch {
		return undefined;
	}
}
