import { describe } from 'vitest';
import { describeCrashes } from './crash-suite.js';

describe('a run into Postgres', () => describeCrashes('postgres'));
