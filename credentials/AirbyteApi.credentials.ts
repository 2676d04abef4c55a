import type {
	IAuthenticateRuleResponseCode,
	IAuthenticateRuleResponseSuccessBody,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IDataObject,
	IHttpRequestHelper,
	IHttpRequestOptions,
	Icon,
	INodeProperties,
} from 'n8n-workflow';

import { authenticate } from '../nodes/airbyte/api/authenticate';
import { readCredential, storedToken, tokenOwner } from '../nodes/airbyte/api/credential';
import { signIn } from '../nodes/airbyte/api/signIn';

// n8n shows one text for a status, whichever field the address comes from.

const notFoundAdvice =
	"Signed in, but there is no Airbyte API at this address. Check 'Server URL', which should be Airbyte's own address, e.g. https://api.airbyte.com for Cloud or http://localhost:8000; or 'API URL' if it is filled in.";

const redirectAdvice =
	"The server redirects to another address. Check 'Server URL', or 'API URL' if it is filled in: often it should start with https:// instead of http://, or a login page stands between n8n and Airbyte.";

const adviceByStatus: Record<number, string> = {
	301: redirectAdvice,
	302: redirectAdvice,
	303: redirectAdvice,
	307: redirectAdvice,
	308: redirectAdvice,
	401: "Airbyte issued a token but does not accept it. Check that 'Token Endpoint' and 'Server URL', or 'API URL' if it is filled in, belong to the same Airbyte.",
	403: "Signed in, but Airbyte refuses to list workspaces. Check the role of the application's user in Airbyte, and 'API URL' if it is filled in: Airbyte answers the same to an address without its version, e.g. /v1.",
	404: notFoundAdvice,
	405: notFoundAdvice,
};

const rulesByStatus = Object.entries(adviceByStatus).map(
	([status, message]): IAuthenticateRuleResponseCode => ({
		type: 'responseCode',
		properties: { value: Number(status), message },
	}),
);

/** A web page has no list of workspaces. */
const notAPage: IAuthenticateRuleResponseSuccessBody = {
	type: 'responseSuccessBody',
	properties: { key: 'data', value: undefined, message: notFoundAdvice },
};

// Fields whose name does not tell n8n's linter whether they hold a secret stand outside the class.

const tokenEndpoint: INodeProperties = {
	displayName: 'Token Endpoint',
	name: 'tokenEndpoint',
	type: 'string',
	default: 'v1/applications/token',
	description:
		"Where to request the token: a path below the API's root, or a whole URL. Airbyte's own installations need no change.",
	displayOptions: { show: { authentication: ['clientCredentials'] } },
};

const apiUrl: INodeProperties = {
	displayName: 'API URL',
	name: 'apiUrl',
	type: 'string',
	default: '',
	placeholder: 'e.g. https://gateway.example.com/airbyte/v1',
	description:
		"Only where Airbyte's public API is not below the Server URL, as behind a gateway: its whole address with the version, used as it is. Enter the Server URL, too.",
};

const headers: INodeProperties = {
	displayName: 'Headers',
	name: 'headers',
	type: 'fixedCollection',
	typeOptions: { multipleValues: true },
	default: {},
	placeholder: 'Add header',
	description:
		'What Cloudflare Access or a gateway asks for. Sent with every call, that for a token included; Host to Airbyte only.',
	options: [
		{
			displayName: 'Header',
			name: 'values',
			values: [
				{
					displayName: 'Name',
					name: 'name',
					type: 'string',
					default: '',
					placeholder: 'e.g. CF-Access-Client-Id',
				},
				{
					displayName: 'Value',
					name: 'value',
					type: 'string',
					typeOptions: { password: true },
					default: '',
				},
			],
		},
	],
};

const httpProxy: INodeProperties = {
	displayName: 'HTTP Proxy',
	name: 'httpProxy',
	type: 'string',
	typeOptions: { password: true },
	default: '',
	placeholder: 'e.g. http://user:secret@proxy:8080',
	description:
		"Proxy for addresses that start with http://, the token endpoint's included. Without one, n8n's own proxy settings apply.",
};

const httpsProxy: INodeProperties = {
	...httpProxy,
	displayName: 'HTTPS Proxy',
	name: 'httpsProxy',
	description:
		"Proxy for addresses that start with https://, the token endpoint's included. Without one, n8n's own proxy settings apply.",
};

const allowUnauthorizedCerts: INodeProperties = {
	displayName: 'Ignore TLS Issues',
	name: 'allowUnauthorizedCerts',
	type: 'boolean',
	default: false,
	description: "Whether to connect even if Airbyte's certificate cannot be verified",
};

/** Where an Airbyte is and how to sign in. */
export class AirbyteApi implements ICredentialType {
	name = 'airbyteApi';

	displayName = 'Airbyte API';

	icon: Icon = { light: 'file:../icons/airbyte.svg', dark: 'file:../icons/airbyte.dark.svg' };

	documentationUrl = 'https://github.com/n8n-nodes-airbyte/n8n-nodes-airbyte#credential';

	properties: INodeProperties[] = [
		{
			displayName: 'Authentication',
			name: 'authentication',
			type: 'options',
			default: 'clientCredentials',
			options: [
				{
					name: 'Client Credentials',
					value: 'clientCredentials',
					description:
						'Client ID and secret of an application: Airbyte Cloud, and self-managed Airbyte',
				},
				{
					name: 'Basic Auth',
					value: 'basicAuth',
					description: 'Username and password of an ingress in front of a self-managed Airbyte',
				},
				{
					name: 'None',
					value: 'none',
					description:
						'Self-managed Airbyte with sign-in switched off (the default of its Helm chart up to 1.8)',
				},
			],
		},
		{
			displayName: 'Server URL',
			name: 'host',
			type: 'string',
			default: 'https://api.airbyte.com',
			placeholder: 'e.g. http://localhost:8000',
			hint: 'The default is Airbyte Cloud; for your own Airbyte, enter its address',
			description:
				"Airbyte's address: paste the API's or the one in your browser's address bar, with or without a path",
			required: true,
		},
		{
			displayName: 'Client ID',
			name: 'clientId',
			type: 'string',
			default: '',
			hint: 'From an application in Airbyte, under User settings > Applications',
			displayOptions: { show: { authentication: ['clientCredentials'] } },
		},
		{
			displayName: 'Client Secret',
			name: 'clientSecret',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'From an application in Airbyte, under User settings > Applications',
			displayOptions: { show: { authentication: ['clientCredentials'] } },
		},
		tokenEndpoint,
		{
			displayName: 'Username',
			name: 'username',
			type: 'string',
			default: '',
			displayOptions: { show: { authentication: ['basicAuth'] } },
		},
		{
			displayName: 'Password',
			name: 'password',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			displayOptions: { show: { authentication: ['basicAuth'] } },
		},
		apiUrl,
		headers,
		httpProxy,
		httpsProxy,
		allowUnauthorizedCerts,
		{
			displayName: 'Access Token',
			name: 'accessToken',
			type: 'hidden',
			typeOptions: { expirable: true, password: true },
			default: '',
		},
	];

	/** n8n calls this when there is no token yet and once after a 401, and keeps what comes back. */
	async preAuthentication(
		this: IHttpRequestHelper,
		credentials: ICredentialDataDecryptedObject,
	): Promise<IDataObject> {
		const httpRequest = async (request: IHttpRequestOptions) =>
			(await this.helpers.httpRequest(request)) as unknown;
		const credential = readCredential(credentials);
		const token = await signIn(httpRequest, credential);
		return { accessToken: storedToken(tokenOwner(credential), token) };
	}

	async authenticate(
		credentials: ICredentialDataDecryptedObject,
		requestOptions: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> {
		return authenticate(readCredential(credentials), requestOptions);
	}

	/** Lists workspaces: unlike Airbyte's health check, this fails without a valid sign-in. */
	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.host}}',
			url: '/workspaces',
			qs: { limit: 1 },
			disableFollowRedirect: true,
			timeout: 30_000,
		},
		// n8n takes both kinds of rules in one list; its type does not say so.
		rules: [...rulesByStatus, notAPage] as ICredentialTestRequest['rules'],
	};
}
