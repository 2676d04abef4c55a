import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import fastify from 'fastify';
import { Server as ProxyServer } from 'proxy-chain';

const HOST = 'registry.npmjs.org';
const FIXTURES = resolve(__dirname, '..', 'fixtures');
const CERTIFICATE = join(FIXTURES, 'registry.cert.pem');

interface Manifest {
	name: string;
	version: string;
}

/**
 * Plays npm's registry for one package, for an n8n that runs with `env`. Only a licensed n8n takes another registry
 * than npm's, so it is reached under npm's own name: through a proxy that leads there and nowhere else.
 */
export class Registry {
	private readonly app = fastify({
		forceCloseConnections: true,
		https: {
			key: readFileSync(join(FIXTURES, 'registry.key.pem')),
			cert: readFileSync(CERTIFICATE),
		},
	});

	private readonly proxy = new ProxyServer({
		host: '127.0.0.1',
		port: 0,
		prepareRequestFunction: ({ hostname }) =>
			hostname === HOST
				? { customConnectServer: this.app.server as unknown as HttpServer }
				: { requestAuthentication: true },
	});

	/** npm would answer from what it kept of an earlier run. */
	private readonly npmCache = mkdtempSync(join(tmpdir(), 'n8n-airbyte-npm-'));

	/** Of the tarball, as npm states it: what n8n calls the checksum. */
	readonly checksum: string;

	private constructor(
		tarball: Buffer,
		readonly manifest: Manifest,
	) {
		const { name, version } = manifest;
		this.checksum = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
		const dist = {
			integrity: this.checksum,
			shasum: createHash('sha1').update(tarball).digest('hex'),
			tarball: `https://${HOST}/${name}/-/${name}-${version}.tgz`,
		};
		const published = { ...manifest, dist };
		const packument = {
			name,
			'dist-tags': { latest: version },
			versions: { [version]: published },
		};
		this.app.get(`/${name}`, async () => packument);
		this.app.get(`/${name}/${version}`, async () => published);
		this.app.get(`/${name}/latest`, async () => published);
		this.app.get(`/${name}/-/${name}-${version}.tgz`, async () => tarball);
	}

	static async start(tarball: string, manifest: Manifest): Promise<Registry> {
		const registry = new Registry(readFileSync(tarball), manifest);
		await registry.app.ready();
		await registry.proxy.listen();
		return registry;
	}

	get url(): string {
		return `https://${HOST}`;
	}

	/** What n8n and the npm that it starts need to be led here. */
	get env(): Record<string, string> {
		return {
			HTTPS_PROXY: `http://127.0.0.1:${this.proxy.port}`,
			NO_PROXY: '127.0.0.1,localhost',
			NODE_EXTRA_CA_CERTS: CERTIFICATE,
			// A machine's own npm settings may name other certificates.
			npm_config_cafile: CERTIFICATE,
			npm_config_cache: this.npmCache,
			// npm's hint that there is a newer npm.
			npm_config_update_notifier: 'false',
		};
	}

	async stop(): Promise<void> {
		await this.proxy.close(true);
		await this.app.close();
		rmSync(this.npmCache, { recursive: true, force: true });
	}
}
