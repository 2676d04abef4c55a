import type { RouteKey } from '../../../simulator/index.cts';
import { goesTo } from './routes.cts';
import { axiosOfN8n } from './virtualTime.cts';

/**
 * Lets calls of one route give up after so many real milliseconds, for as long as such a call may hang. All others keep
 * their time-outs, so that a busy machine makes none of them fail.
 *
 * @returns puts an end to it
 */
export function givesUpSoon(route: RouteKey, ms: number, mayHang: () => boolean): () => void {
	const { request } = axiosOfN8n().interceptors;
	const interceptor = request.use((config) =>
		goesTo(route, config) && mayHang() ? Object.assign(config, { timeout: ms }) : config,
	);
	return () => request.eject(interceptor);
}
