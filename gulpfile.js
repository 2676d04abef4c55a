const { rm } = require('node:fs/promises');
const { dest, src } = require('gulp');

/** Removes what an earlier build left, so that a deleted source file leaves nothing behind. */
const clean = async () => await rm('dist', { recursive: true, force: true });

/** Copies what `tsc` does not: icons, and the codex files that list the nodes in n8n's panel. */
const copyStatic = () =>
	src(['nodes/**/*.node.json', 'icons/*.svg'], { base: '.', encoding: false }).pipe(dest('dist'));

exports.clean = clean;
exports.static = copyStatic;
