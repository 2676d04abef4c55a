/**
 * What `npm run build:synchronous` puts in the place of this folder: nodes that wait in the running execution only.
 */
import { invalid } from '../api/problem';
import type * as Deferred from './index';

const never = () => {
	throw new Error('This package was built without the deferrable mode');
};

const without: Omit<typeof Deferred, 'waitingNodeTooltip' | 'webhook' | 'notInRole'> = {
	deferrableModes: [],
	resumeWebhooks: [],
	roleProperties: [],
	ring: async () => undefined,
	takeWait: async () => undefined,
	requireParking: () => {
		throw invalid(
			'This package was built without the deferrable mode',
			"Set 'Mode' to 'Synchronous'.",
		);
	},
	whyNotToPark: never,
	park: never,
};

export = without;
