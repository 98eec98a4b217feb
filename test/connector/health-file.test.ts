import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HealthFile } from '../../connector/health-file.js';
import { DrivenClock } from '../driven-clock.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'health-file-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

function parts(clock: DrivenClock, warnings: string[] = []) {
  return {
    path: join(folder, 'run', 'health.json'),
    document: () => ({ writtenAt: clock.now().toISOString() }),
    everyMs: 30_000,
    clock,
    warn: (text: string) => {
      warnings.push(text);
      return Promise.resolve();
    },
  };
}

const written = () =>
  JSON.parse(readFileSync(join(folder, 'run', 'health.json'), 'utf8')) as Record<string, string>;

describe('the health file', () => {
  it('is written at once, again as time passes, and a last time when it is closed', async () => {
    const clock = new DrivenClock('2026-11-27T12:00:00Z');
    const file = await HealthFile.open(parts(clock));
    expect(written()['writtenAt']).toBe('2026-11-27T12:00:00.000Z');
    for (const instant of ['2026-11-27T12:00:30.000Z', '2026-11-27T12:01:00.000Z']) {
      await clock.passTo(instant);
      await vi.waitFor(() => expect(written()['writtenAt']).toBe(instant));
      await vi.waitFor(() => expect(clock.asleep).toBe(1));
    }
    clock.set('2026-11-27T12:01:10Z');
    await file.close();
    expect(written()['writtenAt']).toBe('2026-11-27T12:01:10.000Z');
    expect(clock.asleep).toBe(0);
  });

  it('that cannot be written is said once and tried again', async () => {
    const clock = new DrivenClock('2026-11-27T12:00:00Z');
    const warnings: string[] = [];
    const file = await HealthFile.open(parts(clock, warnings));
    rmSync(join(folder, 'run'), { recursive: true });
    await file.write();
    await file.write();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('the health file cannot be written');
    await file.close();
  });
});
