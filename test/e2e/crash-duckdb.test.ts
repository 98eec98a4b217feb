import { describe } from 'vitest';
import { describeCrashes } from './crash-suite.js';

describe('a run into a DuckDB file', () => describeCrashes('duckdb'));
