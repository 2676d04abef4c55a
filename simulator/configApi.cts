/** The configuration API: what the web app calls, officially unsupported, and good for much. */
import { configConnectionRoutes } from './configConnections.cts';
import { configJobRoutes } from './configJobs.cts';
import type { Route } from './routes.cts';
import { configTokenRoute } from './signIn.cts';

export const configRoutes: Route[] = [
	configTokenRoute,
	...configJobRoutes,
	...configConnectionRoutes,
];
