import type {
	ICredentialDataDecryptedObject,
	ICredentials,
	IHttpRequestHelper,
	IHttpRequestOptions,
	INode,
	INodeProperties,
} from 'n8n-workflow';
import { ICredentialsHelper } from 'n8n-workflow';

import { AirbyteApi } from '../../../credentials/AirbyteApi.credentials';

/**
 * Stands in for n8n's credential store, which is part of the n8n server and not of its engine. It calls our
 * credential as the server does: a token when there is none yet or after a 401, which is then kept.
 * That the real one agrees is shown by the tests on a real n8n.
 */
export class StoredCredential extends ICredentialsHelper {
	private readonly type = new AirbyteApi();
	private readonly stored: ICredentialDataDecryptedObject;

	constructor(data: object) {
		super();
		const defaults = this.type.properties.map(({ name, default: value }) => [name, value]);
		this.stored = { ...Object.fromEntries(defaults), ...data };
	}

	get accessToken(): unknown {
		return this.stored.accessToken;
	}

	/** What a person does who edits it. */
	change(data: object): void {
		Object.assign(this.stored, data);
	}

	async getDecrypted(): Promise<ICredentialDataDecryptedObject> {
		return { ...this.stored };
	}

	async preAuthentication(
		helpers: IHttpRequestHelper,
		credentials: ICredentialDataDecryptedObject,
		_typeName: string,
		_node: INode,
		credentialsExpired: boolean,
	): Promise<ICredentialDataDecryptedObject | undefined> {
		if (credentials.accessToken !== '' && !credentialsExpired) return undefined;
		const output = await this.type.preAuthentication.call(helpers, credentials);
		Object.assign(this.stored, output);
		return Object.assign(credentials, output);
	}

	async authenticate(
		credentials: ICredentialDataDecryptedObject,
		_typeName: string,
		request: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		return await this.type.authenticate(credentials, request);
	}

	getParentTypes(): string[] {
		return [];
	}

	isCredentialUsableByNode(): boolean {
		return true;
	}

	getCredentialsProperties(): INodeProperties[] {
		return this.type.properties;
	}

	async runPreAuthentication(): Promise<undefined> {}

	async getCredentials(): Promise<ICredentials> {
		throw new Error('Not part of the engine');
	}

	async updateCredentials(): Promise<void> {}

	async updateCredentialsOauthTokenData(): Promise<void> {}
}
