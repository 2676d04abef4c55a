/** The synchronous driver against everything that can go wrong. */
import { chaosOf } from './chaos/chaosOf.cts';

chaosOf('synchronous');
