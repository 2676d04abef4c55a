/**
 * One project per kind of test, so that each can be run alone:
 * `npx jest --selectProjects unit`. What each kind is for: CONTRIBUTING.md.
 */
const project = (name, extra = {}) => ({
	displayName: name,
	testMatch: [`<rootDir>/test/${name}/**/*.test.cts`],
	moduleFileExtensions: ['js', 'cjs', 'mjs', 'ts', 'cts', 'json', 'node'],
	transform: {
		'\\.c?ts$': [
			'@swc/jest',
			{ jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
		],
	},
	testEnvironment: 'node',
	...extra,
});

module.exports = {
	projects: [
		project('unit'),
		project('engine', { setupFiles: ['<rootDir>/test/engine/harness/setUp.cts'] }),
		project('package', { globalSetup: '<rootDir>/scripts/n8n/forTests.cts' }),
		project('n8n', { globalSetup: '<rootDir>/scripts/n8n/forTests.cts' }),
		// Not part of `npm test`: takes many minutes, nearly all of it waiting.
		project('slow', { globalSetup: '<rootDir>/scripts/n8n/forTests.cts' }),
	],
	// Scenarios on one n8n (test/n8n/harness/sideBySide.cts): more of them make it too slow to answer on two cores.
	maxConcurrency: 14,
	// Nothing waits for long, but two cores may be busy with a real n8n next door.
	testTimeout: 180_000,
};
