/** A test that is skipped where the machine lacks something; its name says what. */
export function testUnless(lacking: string | undefined) {
	return (name: string, body: () => Promise<void>, timeoutMs?: number): void => {
		if (lacking === undefined) test(name, body, timeoutMs);
		else test.skip(`${name} (not run here: ${lacking})`, body, timeoutMs);
	};
}
