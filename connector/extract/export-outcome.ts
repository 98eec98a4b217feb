import type { Scope } from '../../schemas/scope.js';
import type { AttributeSet } from '../../schemas/streams.js';
import type { LoadPackage } from '../load-package.js';

/** What is published of a scope; null where nothing is. */
export type PublishedOf = (
  scope: Scope,
) => { readonly eTag: string; readonly attributeSet: AttributeSet } | null;

/**
 * What an export came to. `scope` has its month as Graph's `Date` fixed it.
 * - `package`: whole on disk, also when it holds no blob. Where its `refusal()` is not null, it is the very data
 *   that was refused before, and nothing was downloaded.
 * - `unchanged`: eTag and attribute set are those that are published; nothing was downloaded or kept.
 * - `no data`: Graph has none (code 5000).
 */
export type ExportOutcome =
  | {
      readonly kind: 'package';
      readonly scope: Scope;
      readonly package: LoadPackage;
      /** Where the month was learnt: `manifest` where its path agrees with the export's date, else `export date`. */
      readonly billingMonthFrom: string | null;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'unchanged'; readonly scope: Scope; readonly eTag: string }
  | {
      readonly kind: 'no data';
      readonly scope: Scope;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    };
