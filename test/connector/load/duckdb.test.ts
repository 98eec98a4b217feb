import { describeDestination } from '../../destination-contract.js';
import { duckdbContract } from './duckdb-contract.js';

describeDestination('DuckDB', () => duckdbContract());
