import { connectionPage, jobPage, parseAddress, tokenUrl } from '../../nodes/airbyte/api/addresses';
import { ProblemError } from '../../nodes/airbyte/api/problem';

const CLOUD = {
	apiRoot: 'https://api.airbyte.com',
	publicApi: 'https://api.airbyte.com/v1',
	configApi: 'https://cloud.airbyte.com/api/v1',
	webApp: 'https://cloud.airbyte.com',
};

const WORKSPACE = '3e5f7a90-1111-4222-8333-444455556666';
const CONNECTION = '1a2b3c4d-1a2b-4a2b-8a2b-1a2b3c4d5e6f';

function problemOf(action: () => unknown): ProblemError['problem'] {
	try {
		action();
	} catch (error) {
		if (error instanceof ProblemError) return error.problem;
		throw error;
	}
	throw new Error('Nothing was refused');
}

describe('the address of Airbyte Cloud, however it is written', () => {
	test.each([
		['https://api.airbyte.com'],
		['https://api.airbyte.com/'],
		['https://api.airbyte.com/v1'],
		['https://api.airbyte.com/v1/'],
		['https://api.airbyte.com/v1/applications/token'],
		['https://api.airbyte.com/api/public/v1'],
		['http://api.airbyte.com'],
		['api.airbyte.com'],
		['api.airbyte.com:443'],
		['  https://api.airbyte.com  '],
		['HTTPS://API.AIRBYTE.COM/V1'],
		['https://cloud.airbyte.com'],
		['https://app.airbyte.com/'],
		['https://airbyte.com'],
		['https://www.airbyte.com/'],
		[`https://cloud.airbyte.com/workspaces/${WORKSPACE}/connections`],
		[
			`https://cloud.airbyte.com/workspaces/${WORKSPACE}/connections/${CONNECTION}/timeline?x=1#top`,
		],
		['https://cloud.airbyte.com/organization/settings'],
	])('%s', (typed) => {
		expect(parseAddress(typed)).toEqual(CLOUD);
	});
});

describe('the address of a self-managed Airbyte, however it is written', () => {
	test.each([
		['http://localhost:8000', 'http://localhost:8000'],
		['http://localhost:8000/', 'http://localhost:8000'],
		['http://localhost:8000/api', 'http://localhost:8000'],
		['http://localhost:8000/api/v1', 'http://localhost:8000'],
		['http://localhost:8000/api/public', 'http://localhost:8000'],
		['http://localhost:8000/api/public/v1', 'http://localhost:8000'],
		['http://localhost:8000/api/public/v1/', 'http://localhost:8000'],
		['http://localhost:8000/api/public/v1/applications/token', 'http://localhost:8000'],
		['http://localhost:8000/v1', 'http://localhost:8000'],
		['http://localhost:8000//api//public//v1//', 'http://localhost:8000'],
		['HTTP://LocalHost:8000/API/Public/V1', 'http://localhost:8000'],
		['localhost', 'http://localhost'],
		['localhost:8000', 'http://localhost:8000'],
		['//localhost:8000/', 'http://localhost:8000'],
		[' localhost:8000/workspaces ', 'http://localhost:8000'],
		['airbyte-server:8001', 'http://airbyte-server:8001'],
		['10.0.0.7', 'http://10.0.0.7'],
		['10.0.0.7:8000/api/v1/', 'http://10.0.0.7:8000'],
		['[::1]:8000', 'http://[::1]:8000'],
		['http://[2001:db8::7]:8000/api/public/v1', 'http://[2001:db8::7]:8000'],
		['airbyte.acme.com', 'https://airbyte.acme.com'],
		['airbyte.acme.com/api/public', 'https://airbyte.acme.com'],
		['airbyte.acme.com:443', 'https://airbyte.acme.com'],
		['airbyte.acme.com:8443/api/public/v1', 'https://airbyte.acme.com:8443'],
		['airbyte.acme.com:8000', 'http://airbyte.acme.com:8000'],
		['https://airbyte.acme.com:443/', 'https://airbyte.acme.com'],
		['https://Airbyte.ACME.com', 'https://airbyte.acme.com'],
		['https://airbyte.acme.com/?utm=1#section', 'https://airbyte.acme.com'],
		[
			`https://airbyte.acme.com/workspaces/${WORKSPACE}/connections/${CONNECTION}/status`,
			'https://airbyte.acme.com',
		],
		['https://airbyte.acme.com/login?redirect=%2Fworkspaces', 'https://airbyte.acme.com'],
		['https://airbyte.acme.com/setup', 'https://airbyte.acme.com'],
		[
			'https://airbyte.acme.com/auth/realms/airbyte/protocol/openid-connect/auth?client_id=airbyte-webapp',
			'https://airbyte.acme.com',
		],
		[
			'https://acme.com/airbyte/auth/realms/airbyte/login-actions/authenticate',
			'https://acme.com/airbyte',
		],
		['https://tools.acme.com/airbyte', 'https://tools.acme.com/airbyte'],
		['https://tools.acme.com/airbyte/', 'https://tools.acme.com/airbyte'],
		['https://tools.acme.com/airbyte/api/public/v1/', 'https://tools.acme.com/airbyte'],
		[`https://tools.acme.com/airbyte/workspaces/${WORKSPACE}`, 'https://tools.acme.com/airbyte'],
		// An ingress may use words of Airbyte's own.
		['https://acme.com/api/airbyte', 'https://acme.com/api/airbyte'],
		['https://acme.com/api/airbyte/', 'https://acme.com/api/airbyte'],
		['https://acme.com/api/airbyte/api/public/v1', 'https://acme.com/api/airbyte'],
		['https://acme.com/api/airbyte/api/v1/', 'https://acme.com/api/airbyte'],
		[`https://acme.com/api/airbyte/workspaces/${WORKSPACE}/x/y`, 'https://acme.com/api/airbyte'],
		['https://acme.com/v2/airbyte', 'https://acme.com/v2/airbyte'],
		['https://acme.com/auth/airbyte', 'https://acme.com/auth/airbyte'],
		['https://acme.com/auth/airbyte/login', 'https://acme.com/auth/airbyte'],
		['https://acme.com/account/airbyte/workspaces/1', 'https://acme.com/account/airbyte'],
		['https://acme.com/apps/settings/airbyte', 'https://acme.com/apps/settings/airbyte'],
		[
			'https://acme.com/apps/settings/airbyte/settings/account',
			'https://acme.com/apps/settings/airbyte',
		],
		['https://acme.com/workspaces-prod', 'https://acme.com/workspaces-prod'],
		['http://localhost:8000/api/v1/jobs/get', 'http://localhost:8000'],
		['http://localhost:8000/api/public/v1/anything/else', 'http://localhost:8000'],
		['https:/airbyte.acme.com', 'https://airbyte.acme.com'],
		['https:airbyte.acme.com', 'https://airbyte.acme.com'],
		['http//localhost:8000', 'http://localhost:8000'],
		['https:///airbyte.acme.com', 'https://airbyte.acme.com'],
		['https://not-airbyte.com', 'https://not-airbyte.com'],
		['https://api.airbyte.com.evil.example', 'https://api.airbyte.com.evil.example'],
	])('%s', (typed, installation) => {
		expect(parseAddress(typed)).toEqual({
			apiRoot: `${installation}/api/public`,
			publicApi: `${installation}/api/public/v1`,
			configApi: `${installation}/api/v1`,
			webApp: installation,
		});
	});
});

describe('an API that is not below the Server URL', () => {
	const api = (typed: string) => parseAddress('https://airbyte.acme.com/workspaces', 'v2', typed);

	test.each([
		['https://gw.acme.com/airbyte/v1', 'https://gw.acme.com/airbyte/v1'],
		['https://gw.acme.com/airbyte/v1/', 'https://gw.acme.com/airbyte/v1'],
		['gw.acme.com/airbyte', 'https://gw.acme.com/airbyte'],
		['http://10.0.0.7:8006/v1', 'http://10.0.0.7:8006/v1'],
		['https://gw.acme.com', 'https://gw.acme.com'],
	])('%s is used as it is', (typed, publicApi) => {
		expect(api(typed)).toEqual({
			publicApi,
			apiRoot: publicApi.replace('/v1', ''),
			configApi: 'https://airbyte.acme.com/api/v1',
			webApp: 'https://airbyte.acme.com',
		});
	});

	test('the token is asked for below it', () => {
		const address = api('https://gw.acme.com/airbyte/v1');
		const url = 'https://gw.acme.com/airbyte/v1/applications/token';
		expect(tokenUrl(address, '')).toBe(url);
		expect(tokenUrl(address, 'v1/applications/token')).toBe(url);
	});

	test.each([
		['my gateway', "'API URL' is not a web address"],
		['ftp://gw.acme.com', "'API URL' must start with http:// or https://"],
		['https://me:hunter22@gw.acme.com', "'API URL' must not hold a user name or password"],
	])('%j is refused, naming the field', (typed, message) => {
		const problem = problemOf(() => api(typed));
		expect(problem.message).toBe(message);
		expect(JSON.stringify(problem)).not.toContain('hunter22');
	});
});

test.each([
	['https://api.airbyte.com/v1', 'https://api.airbyte.com/v2'],
	['http://localhost:8000/api/public/v1', 'http://localhost:8000/api/public/v2'],
])('the API version asked for wins over the one in the address %s', (typed, publicApi) => {
	expect(parseAddress(typed, 'v2').publicApi).toBe(publicApi);
});

test('an API elsewhere is refused with the default Server URL, to which its token would be sent', () => {
	const elsewhere = 'https://gateway.acme.com/airbyte/v1';
	const problem = problemOf(() => parseAddress('https://api.airbyte.com', 'v1', elsewhere));
	expect(problem.message).toContain("'Server URL'");
	expect(parseAddress('https://cloud.airbyte.com', 'v1', elsewhere).publicApi).toBe(elsewhere);
	const cloud = 'https://api.airbyte.com/v1';
	expect(parseAddress('https://api.airbyte.com', 'v1', cloud).publicApi).toBe(cloud);
});

describe('what is no address is refused, naming the field and an example', () => {
	test.each([
		['', "'Server URL' is empty"],
		['   ', "'Server URL' is empty"],
		['my airbyte', "'Server URL' is not a web address"],
		['https://', "'Server URL' is not a web address"],
		['https://air byte.com', "'Server URL' is not a web address"],
		['https://airbyte.acme.com:notaport', "'Server URL' is not a web address"],
		['http://localhost:99999', "'Server URL' is not a web address"],
		['https://[::1', "'Server URL' is not a web address"],
		['https://..', "'Server URL' has no valid host name"],
		['https://https://api.airbyte.com', "'Server URL' has no valid host name"],
		['ftp://airbyte.acme.com', "'Server URL' must start with http:// or https://"],
		['postgres://airbyte.acme.com/db', "'Server URL' must start with http:// or https://"],
		['file:///etc/passwd', "'Server URL' must start with http:// or https://"],
	])('%j', (typed, message) => {
		const problem = problemOf(() => parseAddress(typed));
		expect(problem).toMatchObject({ kind: 'input', passing: false, mayHaveArrived: false });
		expect(problem.message).toBe(message);
		expect(problem.description).toMatch(/https?:\/\//);
	});

	test.each([
		['https://airbyte:hunter22@airbyte.acme.com'],
		['airbyte:hunter22@localhost:8000'],
		['https://someone@airbyte.acme.com'],
	])('a user name or password in it, which is not repeated: %s', (typed) => {
		const problem = problemOf(() => parseAddress(typed));
		expect(problem.message).toBe("'Server URL' must not hold a user name or password");
		expect(problem.description).toContain("'Basic Auth'");
		expect(JSON.stringify(problem)).not.toContain('hunter22');
	});
});

describe('the address of the token call', () => {
	const selfManaged = 'http://localhost:8000';
	const behindIngress = 'https://tools.acme.com/airbyte';
	const PUBLIC = '/api/public/v1/applications/token';
	const CONFIG = '/api/v1/applications/token';
	test.each([
		['https://api.airbyte.com', '', '/v1/applications/token'],
		['https://api.airbyte.com', 'v1/applications/token', '/v1/applications/token'],
		[selfManaged, '', PUBLIC],
		[selfManaged, '  ', PUBLIC],
		[selfManaged, 'v1/applications/token', PUBLIC],
		[selfManaged, ' v1/applications/token ', PUBLIC],
		[selfManaged, '/v1/applications/token', PUBLIC],
		[selfManaged, '//v1/applications/token', PUBLIC],
		[selfManaged, 'api/v1/applications/token', CONFIG],
		[selfManaged, '/api/v1/applications/token', CONFIG],
		[selfManaged, '/api/public/v1/applications/token', PUBLIC],
		[selfManaged, 'http://localhost:8000/api/v1/applications/token', CONFIG],
		[behindIngress, 'v1/applications/token', PUBLIC],
		[behindIngress, '/api/v1/applications/token', CONFIG],
	])('at %s with %j is %s', (host, endpoint, path) => {
		expect(tokenUrl(parseAddress(host), endpoint)).toBe(host + path);
	});

	const gateway = 'https://gateway.acme.com/airbyte/v1';
	test.each([
		[
			'https://api.airbyte.com',
			'',
			'/api/v1/applications/token',
			`https://cloud.airbyte.com${CONFIG}`,
		],
		[selfManaged, gateway, 'api/v1/applications/token', selfManaged + CONFIG],
		[selfManaged, gateway, 'v1/applications/token', `${gateway}/applications/token`],
	])('at %s with the API URL %j and %j is %s', (host, apiUrl, endpoint, url) => {
		expect(tokenUrl(parseAddress(host, 'v1', apiUrl), endpoint)).toBe(url);
	});

	test.each(['https://login.acme.com/oauth/token', ' HTTPS://Login.acme.com/oauth/token '])(
		'is %j where that is a whole one',
		(endpoint) => {
			const url = 'https://login.acme.com/oauth/token';
			expect(tokenUrl(parseAddress(selfManaged), endpoint)).toBe(url);
		},
	);

	test.each([
		['ftp://login.acme.com/token', "'Token Endpoint' must start with http:// or https://"],
		['https://', "'Token Endpoint' is not a web address"],
		[
			'https://me:hunter22@login.acme.com/t',
			"'Token Endpoint' must not hold a user name or password",
		],
	])('refuses %s, naming the field', (endpoint, message) => {
		const problem = problemOf(() => tokenUrl(parseAddress(selfManaged), endpoint));
		expect(problem.message).toBe(message);
		expect(JSON.stringify(problem)).not.toContain('hunter22');
	});
});

test.each([
	['https://api.airbyte.com/v1', 'https://cloud.airbyte.com'],
	['http://localhost:8000/api/public/v1', 'http://localhost:8000'],
	['https://tools.acme.com/airbyte/', 'https://tools.acme.com/airbyte'],
])('the page of a job is in the web app of %s', (host, webApp) => {
	expect(jobPage(connectionPage(parseAddress(host), WORKSPACE, CONNECTION), 4711)).toBe(
		`${webApp}/workspaces/${WORKSPACE}/connections/${CONNECTION}/timeline?jobId=4711`,
	);
});
