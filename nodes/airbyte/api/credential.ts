import type { ICredentialDataDecryptedObject } from 'n8n-workflow';

import { formsOf, passwordForms } from './clean';
import { proxySecrets } from './proxy';

/** The fields of the credential `airbyteApi`. */
export interface AirbyteCredential {
	authentication: 'clientCredentials' | 'basicAuth' | 'none';
	host: string;
	clientId?: string;
	clientSecret?: string;
	tokenEndpoint?: string;
	username?: string;
	password?: string;
	httpProxy?: string;
	httpsProxy?: string;
	allowUnauthorizedCerts?: boolean;
	/** Filled and kept by n8n from {@link signIn}. */
	accessToken?: string;
}

/** Stands in for a token where none is needed, so that n8n does not ask for one before every call. */
export const NO_TOKEN = 'not-needed';

export function asCredential(data: ICredentialDataDecryptedObject): AirbyteCredential {
	return data as unknown as AirbyteCredential;
}

/** What must not show up anywhere, in the forms that it travels in. */
export function secretsOf(credential: AirbyteCredential): string[] {
	const { username = '', password = '', httpProxy = '', httpsProxy = '' } = credential;
	return [
		...formsOf(credential.clientSecret?.trim() ?? ''),
		credential.accessToken === NO_TOKEN ? '' : (credential.accessToken ?? ''),
		...passwordForms(username, password),
		...proxySecrets(httpProxy),
		...proxySecrets(httpsProxy),
	].filter((secret) => secret !== '');
}
