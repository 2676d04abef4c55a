import type { InternalAxiosRequestConfig } from 'axios';

import type { RouteKey } from '../../../simulator/index.cts';

/** Whether a request is one to this route of Airbyte, whatever stands before the route's path. */
export function goesTo(
	route: RouteKey,
	{ method = 'get', url = '' }: InternalAxiosRequestConfig,
): boolean {
	const [verb, path] = route.split(' ');
	const pattern = new RegExp(`${path.replace(/\{\w+\}/g, '[^/]+')}$`);
	return method.toUpperCase() === verb && pattern.test(new URL(url).pathname);
}
