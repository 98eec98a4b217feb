import { basename, resolve } from 'node:path';
import { ConfigError } from '../../../schemas/errors.js';
import { runLockPath } from './run-lock.js';

/**
 * DuckDB calls a file by its name up to the first dot, and cannot tell a dataset of the same name from it.
 * @param key the setting that names the file, for the message
 * @throws ConfigError when the dataset has the file's name, or one that DuckDB keeps for itself
 */
export function refuseAmbiguousName(key: string, path: string, dataset: string): void {
  const fileName = basename(path)
    .split('.')
    .find((part) => part !== '');
  const reserved = ['temp', 'system', 'information_schema', 'pg_catalog'];
  if (fileName?.toLowerCase() !== dataset && !reserved.includes(dataset)) return;
  throw new ConfigError({
    message: `destination: DuckDB cannot have a dataset ${dataset} in ${path}`,
    hint: reserved.includes(dataset)
      ? 'choose another destination.dataset; DuckDB keeps this name for itself'
      : `give ${key} another file name than the dataset: DuckDB calls the file by it and mistakes one for the other`,
    facts: { path, dataset },
  });
}

/**
 * The read copy is put in the place of whatever has its name.
 * @throws ConfigError when that is the database file or the lock of its runs
 */
export function refuseSameFile(copyPath: string, path: string, dataset: string): void {
  if (![path, runLockPath(path, dataset)].some((one) => resolve(one) === resolve(copyPath))) return;
  throw new ConfigError({
    message: `destination.read_copy: ${copyPath} is a file that the database itself needs`,
    hint: 'give the copy a file of its own',
    facts: { path: copyPath },
  });
}
