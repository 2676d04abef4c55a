import { createRequire } from 'node:module';
import { inspect } from 'node:util';

interface InternalLogger {
	log: (...line: unknown[]) => void;
	child: () => InternalLogger;
}

interface Logger {
	setInternalLogger(logger: InternalLogger): void;
}

/** All that n8n's logger is given from here on, whatever its level: messages and what comes with them. */
export function captureLog(): string[] {
	const ofN8n = createRequire(require.resolve('n8n-core'));
	const { Container } = ofN8n('@n8n/di') as { Container: { get(type: unknown): Logger } };
	const { Logger: type } = ofN8n('@n8n/backend-common') as { Logger: unknown };
	const lines: string[] = [];
	const log = (...line: unknown[]) =>
		void lines.push(inspect(line, { depth: null, showHidden: true, maxStringLength: null }));
	const internal: InternalLogger = { log, child: () => internal };
	Container.get(type).setInternalLogger(internal);
	return lines;
}
