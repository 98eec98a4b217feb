import { describe, expect, it } from 'vitest';
import { reasonOfCode, reasonOfStatus } from '../../../connector/extract/retry-reason.js';
import { reasonOf } from '../../../connector/extract/storage-error.js';

describe('why something is tried again', () => {
  it('is one of few words, by status or by code', () => {
    expect([408, 409, 423, 429, 500, 503, 599].map(reasonOfStatus)).toEqual([
      'timeout',
      'other',
      'other',
      'throttled',
      'server',
      'server',
      'server',
    ]);
    expect(['ETIMEDOUT', 'ECONNRESET', 'ENOTFOUND', ''].map(reasonOfCode)).toEqual([
      'timeout',
      'connection',
      'connection',
      'connection',
    ]);
  });

  it('is told of every setback of a blob', () => {
    const cause = 'x';
    expect(reasonOf({ kind: 'again', cause, why: 'throttled' })).toBe('throttled');
    expect(reasonOf({ kind: 'missing', cause })).toBe('gone');
    expect(reasonOf({ kind: 'restart', cause })).toBe('damaged');
    expect(reasonOf({ kind: 'refused', cause })).toBe('other');
  });
});
