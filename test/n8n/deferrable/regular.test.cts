/** The deferrable mode in an n8n of one process, with SQLite. */
import { sideBySide } from '../harness/sideBySide.cts';
import { World } from '../harness/world.cts';
import { SLOWEST, deferrableScenarios } from './scenarios.cts';

deferrableScenarios(sideBySide(World.setUp, World.tearDown, SLOWEST));
