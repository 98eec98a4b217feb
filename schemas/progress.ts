import type { Scope } from './scope.js';

/**
 * What happens during a run, for whoever shows or counts it. Events are facts, not messages; they carry no secret
 * and no customer data. `scope` is the planned scope; for an unbilled one the month may be corrected later.
 */
export type ProgressEvent =
  | { readonly event: 'scope.started'; readonly scope: Scope; readonly reason: string }
  | { readonly event: 'export.requested'; readonly scope: Scope; readonly requestId?: string }
  | { readonly event: 'export.resumed'; readonly scope: Scope; readonly packageId: string }
  | {
      readonly event: 'export.polled';
      readonly scope: Scope;
      readonly status: string;
      readonly waitMs: number;
      readonly requestId?: string;
    }
  | { readonly event: 'manifest.read'; readonly scope: Scope; readonly eTag: string; readonly blobs: number }
  | { readonly event: 'blob.bytes'; readonly scope: Scope; readonly blob: string; readonly bytes: number }
  | { readonly event: 'blob.whole'; readonly scope: Scope; readonly blob: string; readonly bytes: number }
  | {
      readonly event: 'retried';
      readonly scope?: Scope;
      /** What is tried again: `export`, `poll`, `manifest`, `blob`, `invoice list`, `sign-in`, `load`. */
      readonly what: string;
      readonly cause: string;
      readonly attempt: number;
      readonly waitMs: number;
    }
  | { readonly event: 'load.started'; readonly scope: Scope; readonly blobs: number }
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
