import type { FailOn } from '../reconcile/verdict.js';

/** Options of `partner-billing reconcile`. */
export interface ReconcileOptions {
  readonly invoice?: readonly string[];
  readonly period?: string;
  readonly customer?: string;
  readonly reseller?: string;
  readonly check?: readonly string[];
  readonly format: 'table' | 'csv' | 'json';
  readonly failOn: FailOn;
  /** Who declares the invoice right. */
  readonly signOff?: string;
  readonly despiteDifferences?: boolean;
}
