import { describe, expect, it } from 'vitest';
import { standingOf, statusText } from '../../../connector/extract/operation-status.js';
import { operationSchema } from '../../../schemas/graph.js';

const PREFIX = '#microsoft.graph.partners.billing.';

function standing(status: string | undefined, type: string | undefined) {
  return standingOf(
    operationSchema.parse({ status, ...(type === undefined ? {} : { '@odata.type': `${PREFIX}${type}` }) }),
  );
}

describe('the standing of an operation', () => {
  it.each([
    ['notStarted', undefined, 'running'],
    ['notstarted', 'runningOperation', 'running'],
    ['NotStarted', 'runningOperation', 'running'],
    ['running', 'runningOperation', 'running'],
    ['Running', undefined, 'running'],
    [undefined, 'runningOperation', 'running'],
    ['succeeded', 'exportSuccessOperation', 'succeeded'],
    ['completed', 'exportSuccessOperation', 'succeeded'],
    ['Succeeded', undefined, 'succeeded'],
    ['COMPLETED', 'ExportSuccessOperation', 'succeeded'],
    ['succeeded', 'someNewOperation', 'succeeded'],
    [undefined, 'exportSuccessOperation', 'succeeded'],
    ['finished', 'exportSuccessOperation', 'succeeded'],
    ['failed', 'failedOperation', 'failed'],
    ['Failed', undefined, 'failed'],
    ['skipped', undefined, 'failed'],
    [undefined, 'failedOperation', 'failed'],
    ['paused', undefined, 'unknown'],
    ['paused', 'runningOperation', 'unknown'],
    ['unknownFutureValue', 'someNewOperation', 'unknown'],
    ['succeeded', 'runningOperation', 'unknown'],
    ['running', 'exportSuccessOperation', 'unknown'],
    ['succeeded', 'failedOperation', 'unknown'],
    ['constructor', undefined, 'unknown'],
    [undefined, undefined, 'unknown'],
  ])('with status %s and type %s is %s', (status, type, expected) => {
    expect(standing(status, type)).toBe(expected);
  });

  it('is quoted as Graph wrote it', () => {
    const operation = operationSchema.parse({ Status: 'Paused', '@odata.type': `${PREFIX}runningOperation` });
    expect(statusText(operation)).toBe('Paused (runningOperation)');
  });
});
