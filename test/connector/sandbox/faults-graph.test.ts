import { describe, expect, it } from 'vitest';
import type { FaultName, Sandbox } from '../../../connector/sandbox/sandbox.js';
import type { POLL_FAULTS, POST_FAULTS } from '../../../connector/sandbox/faults.js';
import { FAULTS } from '../../../connector/sandbox/faults.js';
import { parseFaultSettings } from '../../../connector/sandbox/fault-switch.js';
import { askGraph, INVOICE, json, NOW, post, small, type Answer } from './sandbox-client.js';

type Check = (answer: Answer, sandbox: Sandbox) => void | Promise<void>;

const OPERATION = /\/v1\.0\/reports\/partners\/billing\/operations\/[0-9a-f-]{36}$/;
const LATER = 'Mon, 23 Nov 2026 12:00:02 GMT';

function errorWith(status: number, code: string, retryAfter?: string): Check {
  return (answer) => {
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, retryAfter]);
    expect(json(answer)).toMatchObject({ error: { code, innerError: {} } });
  };
}

function html(status: number): Check {
  return (answer) => {
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'text/html']);
    expect(answer.body.toString()).toMatch(/^<!DOCTYPE html>/);
  };
}

const redirect: Check = ({ status, headers }) => {
  expect([status, headers.location]).toEqual([302, 'http://localhost:9/elsewhere']);
};

const POSTS: Record<Exclude<keyof typeof POST_FAULTS, 'post-cut'>, Check> = {
  'post-relative-location': ({ status, headers }) => {
    expect(status).toBe(202);
    expect(headers.location).toMatch(/^\/v1\.0\/reports/);
  },
  'post-operation-location': ({ headers }) => {
    expect(headers.location).toBeUndefined();
    expect(headers['operation-location']).toMatch(OPERATION);
  },
  'post-body-id': async (answer, sandbox) => {
    expect([answer.status, answer.headers.location]).toEqual([202, undefined]);
    const path = `/reports/partners/billing/operations/${String(json(answer)['id'])}`;
    expect(json(await askGraph(sandbox, path))['status']).toBe('succeeded');
  },
  'post-200-body': (answer) => {
    expect(answer.status).toBe(200);
    expect(answer.headers.location).toMatch(OPERATION);
    expect(json(answer)['status']).toBe('notStarted');
  },
  'post-no-address': ({ status, headers, body }) => {
    expect([status, headers.location, headers['operation-location'], body.length]).toEqual([
      202,
      undefined,
      undefined,
      0,
    ]);
  },
  'post-retry-after': ({ status, headers }) => {
    expect([status, headers['retry-after']]).toEqual([202, '1']);
    expect(headers.location).toMatch(OPERATION);
  },
  'post-400': errorWith(400, 'invalidRequest'),
  'post-401': errorWith(401, 'InvalidAuthenticationToken'),
  'post-403': errorWith(403, 'Authorization_RequestDenied'),
  'post-404': errorWith(404, 'itemNotFound'),
  'post-429': errorWith(429, 'TooManyRequests', '1'),
  'post-429-date': errorWith(429, 'TooManyRequests', LATER),
  'post-429-bare': errorWith(429, 'TooManyRequests'),
  'post-500': errorWith(500, 'generalException'),
  'post-503': errorWith(503, 'serviceNotAvailable', '1'),
  'post-503-bare': errorWith(503, 'serviceNotAvailable'),
  'post-html': html(200),
  'post-502-html': html(502),
  'post-redirect': redirect,
};

const WITH_STATUS =
  (status: string, type: string | undefined): Check =>
  (answer) => {
    expect(answer.status).toBe(200);
    const prefix = '#microsoft.graph.partners.billing.';
    expect(json(answer)).toMatchObject({ status });
    expect(json(answer)['@odata.type']).toBe(type === undefined ? undefined : prefix + type);
  };
const WITH_RETRY_AFTER =
  (value: string | undefined): Check =>
  (answer) => {
    expect([json(answer)['status'], answer.headers['retry-after']]).toEqual(['notStarted', value]);
  };

/** Faults of a poll, each with the number of polls before it is done. */
const POLLS: Record<keyof typeof POLL_FAULTS, readonly [pollsUntilDone: number, check: Check]> = {
  'poll-no-retry-after': [1, WITH_RETRY_AFTER(undefined)],
  'poll-retry-after-date': [1, WITH_RETRY_AFTER(LATER)],
  'poll-retry-after-zero': [1, WITH_RETRY_AFTER('0')],
  'poll-retry-after-past': [1, WITH_RETRY_AFTER('Mon, 23 Nov 2026 11:00:00 GMT')],
  'poll-retry-after-hour': [1, WITH_RETRY_AFTER('3600')],
  'poll-unknown-status': [0, WITH_STATUS('validating', 'runningOperation')],
  'poll-skipped': [0, WITH_STATUS('skipped', 'failedOperation')],
  'poll-failed-5000': [
    0,
    (answer) => {
      expect(json(answer)).toMatchObject({ status: 'failed', error: { code: '5000' } });
    },
  ],
  'poll-failed-other': [
    0,
    (answer) => {
      expect(json(answer)).toMatchObject({ status: 'failed', error: { code: '1001' } });
    },
  ],
  'poll-malformed-dates': [
    0,
    (answer) => {
      expect(json(answer)).toMatchObject({ status: 'succeeded', lastActionDateTime: 'soon' });
    },
  ],
  'poll-no-type': [0, WITH_STATUS('succeeded', undefined)],
  'poll-401': [0, errorWith(401, 'InvalidAuthenticationToken')],
  'poll-403': [0, errorWith(403, 'Authorization_RequestDenied')],
  'poll-404': [0, errorWith(404, 'itemNotFound')],
  'poll-410': [0, errorWith(410, 'itemNotFound')],
  'poll-429': [0, errorWith(429, 'TooManyRequests', '1')],
  'poll-429-date': [0, errorWith(429, 'TooManyRequests', LATER)],
  'poll-429-bare': [0, errorWith(429, 'TooManyRequests')],
  'poll-500': [0, errorWith(500, 'generalException')],
  'poll-503': [0, errorWith(503, 'serviceNotAvailable', '1')],
  'poll-html': [0, html(200)],
  'poll-502-html': [0, html(502)],
  'poll-redirect': [0, redirect],
  'poll-cut': [
    0,
    ({ status, cut, body }) => {
      expect([status, cut]).toEqual([200, true]);
      expect(body.length).toBeGreaterThan(0);
    },
  ],
  'poll-stalled': [
    0,
    ({ status, cut }) => {
      expect([status, cut]).toEqual([200, true]);
    },
  ],
  'status-completed': [0, WITH_STATUS('completed', 'exportSuccessOperation')],
  'status-pascal-case': [1, WITH_STATUS('NotStarted', 'runningOperation')],
  'status-lower-case': [1, WITH_STATUS('notstarted', 'runningOperation')],
};

describe('a fault of the POST', () => {
  it.each(Object.entries(POSTS))('%s is seen on the wire once, and then no more', async (name, check) => {
    const sandbox = await small({ faults: [`${name as FaultName}:1`] });
    await check(await post(sandbox, 'billed_usage', INVOICE), sandbox);
    const next = await post(sandbox, 'billed_usage', INVOICE);
    await sandbox.close();
    expect([next.status, next.headers['retry-after']]).toEqual([202, undefined]);
    expect(next.headers.location).toMatch(OPERATION);
  });

  it('post-cut leaves no answer, though the export was accepted', async () => {
    const sandbox = await small({ faults: ['post-cut:1'] });
    await expect(post(sandbox, 'billed_usage', INVOICE)).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(sandbox.requests.map(({ kind, status }) => [kind, status])).toEqual([['export', 0]]);
    await sandbox.close();
  });
});

describe('a fault of polling', () => {
  it.each(Object.entries(POLLS))(
    '%s is seen on the wire once, and then no more',
    async (name, [polls, check]) => {
      const sandbox = await small({ pollsUntilDone: polls });
      const location = (await post(sandbox, 'billed_usage', INVOICE)).headers.location ?? '';
      sandbox.setFaults([`${name as FaultName}:1`]);
      await check(await askGraph(sandbox, location, { patienceMs: 200 }), sandbox);
      const next = await askGraph(sandbox, location);
      await sandbox.close();
      expect(json(next)).toMatchObject({ status: 'succeeded', id: location.split('/').at(-1) });
      expect(String(json(next)['createdDateTime'])).toBe(NOW.toISOString().slice(0, 19));
    },
  );
});

describe('the switch of faults', () => {
  it('refuses an unknown name and lists the known ones', async () => {
    const refused: unknown = await small({ faults: ['post-999' as FaultName] }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ kind: 'config', message: 'sandbox: "post-999" is no fault' });
    for (const name of Object.keys(FAULTS)) expect((refused as { hint: string }).hint).toContain(name);
    expect(() => parseFaultSettings(['post-503:0'])).toThrow(/no fault/);
    expect(() => parseFaultSettings(['post-503:many'])).toThrow(/no fault/);
    expect(parseFaultSettings(['post-503', 'blob-cut:2'])).toEqual(['post-503', 'blob-cut:2']);
  });

  it('keeps a fault on for ever without a count, and turns everything off at once', async () => {
    const sandbox = await small({ faults: ['post-503'] });
    const statuses = [];
    for (let index = 0; index < 4; index++)
      statuses.push((await post(sandbox, 'billed_usage', INVOICE)).status);
    sandbox.setFaults([]);
    statuses.push((await post(sandbox, 'billed_usage', INVOICE)).status);
    await sandbox.close();
    expect(statuses).toEqual([503, 503, 503, 503, 202]);
  });

  it('says one line of meaning for every fault', () => {
    for (const meaning of Object.values(FAULTS)) expect(meaning).toMatch(/^\S.{5,130}$/);
  });
});
