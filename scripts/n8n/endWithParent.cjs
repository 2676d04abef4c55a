/**
 * Loaded into n8n before its own code. A killed test run or terminal (SIGKILL) cannot tidy up
 * after itself, so n8n watches its parent and goes, with its own children, when that is gone.
 * It leads a process group of its own, hence the negative id.
 */
const parent = process.ppid;

setInterval(() => {
	if (process.ppid !== parent) process.kill(-process.pid, 'SIGKILL');
}, 1000).unref();
