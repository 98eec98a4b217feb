import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NOTHING_RECORDED } from '../../connector/load/destination.js';
import { recallState, rememberState } from '../../connector/remembered-state.js';
import { anyState } from './recorded-arbitraries.js';

const DESTINATION = 'duckdb /data/billing.duckdb dataset csp';
const AT = new Date('2026-11-27T19:00:00.123Z');

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'remembered-'));
  path = join(folder, 'remembered.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the state that the spool remembers', () => {
  test('comes back as it was, whatever it was', async () => {
    let states = 0;
    await fc.assert(
      fc.asyncProperty(anyState, async (state) => {
        states += 1;
        await rememberState(folder, { destination: DESTINATION, at: AT, state });
        const recalled = await recallState(folder, DESTINATION);
        expect(recalled).toEqual({ kind: 'remembered', state, at: AT });
      }),
    );
    expect(states).toBeGreaterThanOrEqual(100);
    expect(readdirSync(folder)).toEqual(['remembered.json']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('is nothing before anything was remembered', async () => {
    expect(await recallState(folder, DESTINATION)).toEqual({ kind: 'nothing' });
    expect(await recallState(join(folder, 'missing'), DESTINATION)).toEqual({ kind: 'nothing' });
  });

  test('is not used for another destination', async () => {
    await rememberState(folder, {
      destination: 'duckdb /other.duckdb dataset csp',
      at: AT,
      state: NOTHING_RECORDED,
    });
    expect(await recallState(folder, DESTINATION)).toEqual({
      kind: 'unusable',
      reason: `${path} is of duckdb /other.duckdb dataset csp, not of ${DESTINATION}`,
    });
  });

  test('is not used by halves: torn, of another version, or with a member that is not known', async () => {
    await rememberState(folder, { destination: DESTINATION, at: AT, state: NOTHING_RECORDED });
    const content = readFileSync(path, 'utf8');
    for (const other of [
      content.slice(0, -20),
      '',
      content.replace('"version":1', '"version":2'),
      content.replace('"scopes":[]', '"scopes":[],"margins":[]'),
      content.replace('"scopes":[],', ''),
    ]) {
      expect(other).not.toBe(content);
      writeFileSync(path, other);
      expect(await recallState(folder, DESTINATION)).toEqual({
        kind: 'unusable',
        reason: `${path} is torn, or another version of the connector wrote it`,
      });
    }
  });
});
