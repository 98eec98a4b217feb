import type { Scope } from './scope.js';

/**
 * Why something is tried again, in few words so that it can be counted: `throttled` (429), `server` (5xx and what
 * a gateway answers in its place), `timeout`, `connection` (refused, cut, no such host), `sign-in`, `gone` (an
 * operation or blob is not there any more), `changed` (Graph has newer data), `damaged` (bytes that do not fit),
 * `database`, `other`.
 */
export const RETRY_REASONS = [
  'throttled',
  'server',
  'timeout',
  'connection',
  'sign-in',
  'gone',
  'changed',
  'damaged',
  'database',
  'other',
] as const;

/** One of {@link RETRY_REASONS}. */
export type RetryReason = (typeof RETRY_REASONS)[number];

/**
 * What happens during a run, for whoever shows or counts it. Events are facts, not messages; they carry no secret
 * and no customer data. `scope` is the planned scope; for an unbilled one the month may be corrected later.
 * docs/logs.md describes each; a test compares.
 */
export type ProgressEvent =
  /** First of a run: what follows belongs to it. */
  | { readonly event: 'run.started'; readonly runId: string }
  /** Last of a run that came to its end. `outcome` is that of the summary, in a few words. */
  | {
      readonly event: 'run.finished';
      readonly runId: string;
      readonly outcome: string;
      readonly exitCode: number;
    }
  | { readonly event: 'scope.started'; readonly scope: Scope; readonly reason: string }
  | {
      readonly event: 'export.requested';
      readonly scope: Scope;
      readonly requestId?: string;
      readonly operationId?: string;
    }
  | {
      readonly event: 'export.resumed';
      readonly scope: Scope;
      readonly packageId: string;
      readonly operationId?: string;
    }
  | {
      readonly event: 'export.polled';
      readonly scope: Scope;
      readonly status: string;
      readonly waitMs: number;
      readonly requestId?: string;
    }
  | {
      readonly event: 'manifest.read';
      readonly scope: Scope;
      readonly eTag: string;
      /** Blobs that it lists. */
      readonly blobs: number;
      /** Those of them that an earlier run has downloaded. */
      readonly blobsOnDisk?: number;
      /** Of the answer that it came in. */
      readonly requestId?: string;
    }
  | { readonly event: 'blob.bytes'; readonly scope: Scope; readonly blob: string; readonly bytes: number }
  | { readonly event: 'blob.whole'; readonly scope: Scope; readonly blob: string; readonly bytes: number }
  | {
      readonly event: 'retried';
      readonly scope?: Scope;
      /** What is tried again: `export`, `poll`, `manifest`, `blob`, `invoice list`, `sign-in`, `load`. */
      readonly what: string;
      readonly cause: string;
      /** The cause as one of few; absent counts as `other`. */
      readonly why?: RetryReason;
      readonly attempt: number;
      readonly waitMs: number;
      /** Graph's, where it answered. */
      readonly requestId?: string;
    }
  | {
      readonly event: 'load.started';
      readonly scope: Scope;
      readonly blobs: number;
      readonly loadId?: string;
    }
  | {
      readonly event: 'load.records';
      readonly scope: Scope;
      readonly records: number;
      readonly blobsDone: number;
    }
  | {
      readonly event: 'load.waiting';
      readonly scope?: Scope;
      readonly holder: string;
      readonly waitedMs: number;
    }
  | {
      readonly event: 'scope.finished';
      readonly scope: Scope;
      readonly outcome: string;
      readonly exitCode: number;
    }
  | { readonly event: 'warning'; readonly scope?: Scope; readonly message: string; readonly hint: string };

/** Takes progress events; never throws and never waits. */
export type Report = (event: ProgressEvent) => void;
