/** What the package weighs, and how long n8n takes to load it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { installPackage } from '../n8n/package.cts';
import type { Package } from './instance.cts';

export interface LoadResult {
	tarballBytes: number;
	/** Milliseconds, in a fresh process each. */
	loads: number[];
}

/** What n8n does with a community package when it starts, by the class that it does it with. */
const SCRIPT = `
	const { createRequire } = require('node:module');
	const [entry, folder] = process.argv.slice(1);
	const ofN8n = createRequire(entry);
	ofN8n('reflect-metadata');
	const { PackageDirectoryLoader } = ofN8n('n8n-core');
	(async () => {
		const before = performance.now();
		const loader = new PackageDirectoryLoader(folder);
		await loader.loadAll();
		const ms = performance.now() - before;
		if (loader.types.nodes.length === 0) throw new Error('No nodes were loaded');
		process.stdout.write(String(ms));
	})();`;

export async function runLoad({ install, tarball }: Package, times: number): Promise<LoadResult> {
	const userFolder = await mkdtemp(join(tmpdir(), 'n8n-airbyte-bench-'));
	try {
		await installPackage(tarball, userFolder);
		const folder = join(userFolder, '.n8n', 'nodes', 'node_modules', 'n8n-nodes-airbyte');
		const loads: number[] = [];
		for (let run = 0; run < times; run += 1) {
			const { stdout } = await promisify(execFile)(
				install.node,
				['-e', SCRIPT, install.entry, folder],
				// n8n lends community packages its own n8n-workflow.
				{ env: { ...process.env, NODE_PATH: join(install.folder, 'node_modules') } },
			);
			loads.push(Number(stdout));
		}
		return { tarballBytes: (await stat(tarball)).size, loads };
	} finally {
		await rm(userFolder, { recursive: true, force: true });
	}
}
