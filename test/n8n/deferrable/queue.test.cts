/** The deferrable mode in n8n's queue mode: a main process, two workers, PostgreSQL, Redis. */
import { queueModeLacks } from '../../../scripts/n8n/queue.cts';
import { sideBySide } from '../harness/sideBySide.cts';
import { World } from '../harness/world.cts';
import { SLOWEST, deferrableScenarios } from './scenarios.cts';

const lacking = queueModeLacks();
if (lacking) test.skip(`not run here: ${lacking}`, () => {});
else deferrableScenarios(sideBySide(World.setUpQueue, World.tearDown, SLOWEST));
