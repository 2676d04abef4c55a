/** Programs of this machine that are not Node. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of these folders, or of those on the PATH, that has the programs. */
export function folderOf(programs: string[], folders: string[] = []): string | undefined {
	return [...folders, ...(process.env.PATH ?? '').split(delimiter)].find((folder) =>
		programs.every((program) => existsSync(join(folder, program))),
	);
}

/** The kernel kills it when we are gone. It can run as another user, if we are root. */
export function endingWithParent(command: string[], user?: string): string[] {
	const become = user ? ['--reuid', user, '--regid', user, '--init-groups'] : [];
	return ['setpriv', '--pdeathsig', 'KILL', ...become, ...command];
}
