import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

import type { AxiosError, AxiosResponse, AxiosStatic, InternalAxiosRequestConfig } from 'axios';

import { clock } from '../../../nodes/airbyte/api/clock';
import type { Clock, ManualClock, RouteKey } from '../../../simulator/index.cts';
import { goesTo } from './routes.cts';

interface Sleeper {
	until: number;
	wake: () => void;
	/** Whether it is the test's, and not of the process that the nodes live in. */
	isOutside?: boolean;
}

/**
 * Lets the nodes' waits pass in no time: when every wait is asleep and no request is under way, the clock that
 * nodes and simulator share jumps to the first one's end.
 *
 * Between a request's end and the next sleep or request there are only promises to settle, so that one turn of
 * the event loop without a request proves that everybody sleeps.
 */
export class VirtualTime {
	/** The simulator's: while it holds a call back, the caller has nothing to do but to wait. */
	readonly ofAirbyte: Clock = {
		now: () => this.shared.now(),
		sleep: async (ms, signal) => await this.serving(async () => await this.sleep(ms, signal, true)),
	};
	private readonly real = { ...clock };
	private sleepers: Sleeper[] = [];
	private atRest: Array<(isAtRest: boolean) => void> = [];
	private limit = Infinity;
	private slowness = new Map<RouteKey, number>();
	private patience = new WeakMap<object, { sleeper: Sleeper; gaveUp: AbortController }>();
	private underWay = { requests: 0 };
	private isCheckDue = false;
	private eject = () => {};

	constructor(readonly shared: ManualClock) {}

	install(): void {
		// What an earlier test has left under way counts for that one.
		const underWay = { requests: 0 };
		this.underWay = underWay;
		clock.now = () => this.shared.now();
		clock.sleep = async (ms, signal) => await this.sleep(ms, signal);
		const axios = axiosOfN8n();
		const request = axios.interceptors.request.use((config) => {
			underWay.requests += 1;
			return this.withPatience(config);
		});
		const response = axios.interceptors.response.use(
			(answer) => {
				const { config, data } = answer as AxiosResponse<EventEmitter>;
				// An answer that is read piece by piece is under way until its end.
				if (config.responseType === 'stream')
					data.once('close', () => this.requestDone(underWay, config));
				else this.requestDone(underWay, config);
				this.arrive(answer);
				return answer;
			},
			(fault: AxiosError) => {
				const hasGivenUp = this.requestDone(underWay, fault.config);
				throw hasGivenUp ? timedOut(fault.config, fault.request) : fault;
			},
		);
		this.eject = () => {
			axios.interceptors.request.eject(request);
			axios.interceptors.response.eject(response);
		};
	}

	uninstall(): void {
		Object.assign(clock, this.real);
		this.eject();
		this.sleepers = [];
		this.limit = Infinity;
		this.slowness.clear();
	}

	/**
	 * Lets answers to a route be on their way for so long, each of them. Whoever set a shorter time-out gives up
	 * meanwhile, as in real time: what the call did, it did.
	 */
	slowDown(route: RouteKey, ms: number): void {
		this.slowness.set(route, ms);
	}

	/** Does something when the shared clock gets there, with all waits asleep. */
	at(moment: number, action: () => Promise<void>): void {
		this.sleepers.push({
			until: moment,
			wake: () => void this.busyWith(action),
			isOutside: true,
		});
		this.checkSoon();
	}

	/** The sleeps of the nodes' process never end once it is killed. */
	killSleepers(): void {
		this.sleepers = this.sleepers.filter(({ isOutside }) => isOutside);
	}

	/**
	 * Serves a request in this very process: while that is done, its own waits and requests count, and not the request,
	 * which has nothing to do but to wait for them.
	 */
	async serving<T>(action: () => Promise<T>): Promise<T> {
		const { underWay } = this;
		underWay.requests -= 1;
		// It may join what others have begun and sleep over.
		this.checkSoon();
		try {
			return await action();
		} finally {
			underWay.requests += 1;
			// The caller may have given up meanwhile, so that this was the last thing under way.
			this.checkSoon();
		}
	}

	/**
	 * Resolves when nobody sleeps any more and no request is under way, so that nothing can happen by itself, or when
	 * all sleep past the limit; tells which.
	 */
	async comesToRest(limit = Infinity): Promise<boolean> {
		this.limit = limit;
		return await new Promise<boolean>((resolve) => {
			this.atRest.push(resolve);
			this.checkSoon();
		});
	}

	private async busyWith(action: () => Promise<void>): Promise<void> {
		const { underWay } = this;
		underWay.requests += 1;
		await action();
		this.requestDone(underWay);
	}

	private async sleep(ms: number, signal?: AbortSignal, isOutside = false): Promise<void> {
		if (signal?.aborted) return;
		await new Promise<void>((resolve) => {
			const wake = () => {
				signal?.removeEventListener('abort', wake);
				this.sleepers = this.sleepers.filter((other) => other !== sleeper);
				resolve();
			};
			const sleeper = { until: this.shared.now() + ms, wake, isOutside };
			this.sleepers.push(sleeper);
			signal?.addEventListener('abort', wake);
			this.checkSoon();
		});
	}

	private arrive({ config, request }: AxiosResponse): void {
		const [, ms = 0] = [...this.slowness].find(([route]) => goesTo(route, config)) ?? [];
		const patience = config.timeout || Infinity;
		this.shared.advance(Math.min(ms, patience));
		if (ms >= patience) throw timedOut(config, request);
	}

	/** A caller whom Airbyte keeps waiting gives up when its own time is over, by this clock. */
	private withPatience(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
		if (!config.timeout) return config;
		const gaveUp = new AbortController();
		const given = config.signal ? [config.signal as AbortSignal] : [];
		config.signal = AbortSignal.any([...given, gaveUp.signal]);
		const sleeper = { until: this.shared.now() + config.timeout, wake: () => gaveUp.abort() };
		this.sleepers.push(sleeper);
		this.patience.set(config, { sleeper, gaveUp });
		return config;
	}

	/** @returns whether its caller has given up */
	private requestDone(
		underWay: { requests: number },
		config?: InternalAxiosRequestConfig,
	): boolean {
		underWay.requests -= 1;
		const patience = config && this.patience.get(config);
		if (patience) this.sleepers = this.sleepers.filter((other) => other !== patience.sleeper);
		this.checkSoon();
		return patience?.gaveUp.signal.aborted ?? false;
	}

	private checkSoon(): void {
		if (this.isCheckDue) return;
		this.isCheckDue = true;
		setImmediate(() => {
			this.isCheckDue = false;
			if (this.underWay.requests === 0) this.jump();
		});
	}

	private jump(): void {
		const [first] = this.sleepers.sort((a, b) => a.until - b.until);
		if (!first || first.until > this.limit) {
			for (const resolve of this.atRest.splice(0)) resolve(!first);
			return;
		}
		this.sleepers.shift();
		this.shared.set(Math.max(this.shared.now(), first.until));
		first.wake();
		this.checkSoon();
	}
}

function timedOut(config?: InternalAxiosRequestConfig, request?: unknown): AxiosError {
	const { AxiosError } = axiosOfN8n();
	const words = `timeout of ${config?.timeout}ms exceeded`;
	return new AxiosError(words, AxiosError.ECONNABORTED, config, request);
}

/** The copy of axios that n8n's HTTP helpers use; the project may have others. */
export function axiosOfN8n(): AxiosStatic {
	const core = createRequire(require.resolve('n8n-core'));
	const network = dirname(core.resolve('@n8n/backend-network'));
	return require(require.resolve('axios', { paths: [network] })) as AxiosStatic;
}
