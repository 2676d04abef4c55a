/** All that the nodes have of the deferrable mode. A build without the mode has `without.ts` in this place. */
export {
	deferrableModes,
	notInRole,
	resumeWebhooks,
	roleProperties,
	waitingNodeTooltip,
} from './panel';
export { whyNotToPark } from './mayPark';
export type { Kept } from './park';
export { park, requireParking } from './park';
export { takeWait } from './takeWait';
export type { Wait } from './wait';
export { ring } from './watcher';
export { webhook } from './webhook';
