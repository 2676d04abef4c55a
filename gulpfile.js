const { cp, rm } = require('node:fs/promises');
const { dest, src } = require('gulp');

/** Removes what an earlier build left, so that a deleted source file leaves nothing behind. */
const clean = async () => await rm('dist', { recursive: true, force: true });

/** Copies what `tsc` does not: icons, and the codex files that list the nodes in n8n's panel. */
const copyStatic = () =>
	src(['nodes/**/*.node.json', 'icons/*.svg'], { base: '.', encoding: false }).pipe(dest('dist'));

/** Leaves the deferrable mode out of what was built in a folder: `gulp withoutDeferrable --cwd <folder>`. */
const withoutDeferrable = async () => {
	const deferred = 'dist/nodes/airbyte/deferred';
	await cp(`${deferred}/without.js`, 'dist/without.js');
	await rm(deferred, { recursive: true });
	await cp('dist/without.js', `${deferred}/index.js`);
	await rm('dist/without.js');
};

exports.clean = clean;
exports.static = copyStatic;
exports.withoutDeferrable = withoutDeferrable;
