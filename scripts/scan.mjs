/**
 * Runs n8n's community scanner without the network: on the sources as it would see them at the release's
 * commit, or on an unpacked tarball. `node scripts/scan.mjs source|package <folder>`
 */
import {
	SOURCE_FILE_PATTERNS,
	analyzePackage,
} from '@n8n/scan-community-package/scanner/scanner.mjs';

const [kind, folder] = process.argv.slice(2);
const patterns = kind === 'source' ? SOURCE_FILE_PATTERNS : ['**/*.js', 'package.json'];
const { passed, message, details } = await analyzePackage(folder, patterns);
if (!passed) console.error([message, details].filter(Boolean).join('\n'));
process.exitCode = passed ? 0 : 1;
