/** What goes wrong when an export is asked for; each POST is one firing. */
export const POST_FAULTS = {
  'post-relative-location': 'Location is a relative URL',
  'post-operation-location': 'Operation-Location instead of Location',
  'post-body-id': '202 without Location; the body has the id of the operation',
  'post-200-body': '200 with Location and an operation as body',
  'post-no-address': '202 that names no operation at all',
  'post-retry-after': '202 with Retry-After',
  'post-400': '400 invalidRequest',
  'post-401': '401 InvalidAuthenticationToken',
  'post-403': '403 Authorization_RequestDenied',
  'post-404': '404 itemNotFound',
  'post-429': '429 with Retry-After in seconds',
  'post-429-date': '429 with Retry-After as a date',
  'post-429-bare': '429 without Retry-After',
  'post-500': '500 generalException',
  'post-503': '503 with Retry-After',
  'post-503-bare': '503 without Retry-After',
  'post-html': 'an HTML page with status 200',
  'post-502-html': "a gateway's HTML page with status 502",
  'post-redirect': '302 to another host',
  'post-cut': 'the export is accepted, but the connection is cut before the answer',
} as const;

/** What goes wrong when an operation is polled; each GET of an operation is one firing. */
export const POLL_FAULTS = {
  'poll-no-retry-after': 'no Retry-After while running',
  'poll-retry-after-date': 'Retry-After as a date',
  'poll-retry-after-zero': 'Retry-After: 0',
  'poll-retry-after-past': 'Retry-After as a date in the past',
  'poll-retry-after-hour': 'Retry-After: 3600',
  'poll-unknown-status': 'a status that nobody has heard of, whatever the operation does',
  'poll-skipped': 'the operation ends with status skipped',
  'poll-failed-5000': 'the operation ends failed, code 5000 (no data)',
  'poll-failed-other': 'the operation ends failed, with a code that is not documented',
  'poll-malformed-dates': 'createdDateTime and lastActionDateTime are no dates',
  'poll-no-type': 'the body has no @odata.type',
  'poll-401': '401: the token has expired',
  'poll-403': '403 Authorization_RequestDenied',
  'poll-404': '404: the operation is gone',
  'poll-410': '410: the operation is gone',
  'poll-429': '429 with Retry-After in seconds',
  'poll-429-date': '429 with Retry-After as a date',
  'poll-429-bare': '429 without Retry-After',
  'poll-500': '500 generalException',
  'poll-503': '503 with Retry-After',
  'poll-html': 'an HTML page with status 200',
  'poll-502-html': "a gateway's HTML page with status 502",
  'poll-redirect': '302 to another host',
  'poll-cut': 'the connection is cut in the middle of the answer',
  'poll-stalled': 'the answer stops in the middle and never ends',
  'status-completed': 'success is spelled completed',
  'status-pascal-case': 'NotStarted, Running, Succeeded',
  'status-lower-case': 'notstarted',
} as const;

/** How the manifest can differ; each read of a finished operation or of a manifest is one firing. */
export const MANIFEST_FAULTS = {
  'manifest-link': 'the operation has only resourceLocation@odata.navigationLink',
  'manifest-string': 'resourceLocation is the URL of the manifest',
  'manifest-legacy-names': 'rootFolder, rootFolderSAS, utcCreatedDateTime, version',
  'manifest-sas-upper': 'SASToken instead of sasToken',
  'manifest-sas-question-mark': 'the SAS begins with ?',
  'manifest-json-lines': 'dataFormat compressedJSONLines, partitionType Default, schemaVersion 1',
  'manifest-item-count': 'partitionType ItemCount, numbered partitionValue',
  'manifest-blob-sizes': 'blobs have sizeInBytes and itemCount',
  'manifest-unknown-members': 'members that are not documented',
  'manifest-trailing-slash': 'rootDirectory ends with a slash',
  'manifest-blob-count': 'blobCount is one more than there are blobs',
  'manifest-no-blob-count': 'blobCount is missing',
  'manifest-no-blobs': 'blobCount 0, blobs empty',
  'manifest-other-tenant': 'partnerTenantId is somebody else',
  'manifest-other-host': 'rootDirectory is on another host',
  'manifest-path-trick': 'a blob name climbs out of its directory',
  'manifest-404': '404: the manifest is gone (needs manifest-link or manifest-string)',
  'manifest-410': '410: the manifest is gone (needs manifest-link or manifest-string)',
  'manifest-503': '503 with Retry-After (needs manifest-link or manifest-string)',
  'etag-changes': 'from the second read of an operation or manifest on, the data has a new eTag',
  'sas-wrong': 'the SAS is signed with another key',
} as const;

/** What goes wrong when a blob is read; each GET of a blob is one firing. */
export const BLOB_FAULTS = {
  'blob-403': '403 AuthorizationFailure, as behind a firewall',
  'blob-404': '404 BlobNotFound',
  'blob-500': '500 InternalError',
  'blob-503': '503 ServerBusy',
  'blob-redirect': '302 to another host',
  'blob-html': 'an HTML page with status 200',
  'blob-cut': 'the connection is cut half way',
  'blob-stalled': 'the body stops half way and never ends',
  'blob-truncated-gzip': 'the last bytes are missing, and Content-Length agrees',
  'blob-cut-between-members':
    'the blob ends between two gzip members, and Content-Length agrees (needs blob-multi-member)',
  'blob-flipped-byte': 'one byte is wrong',
  'blob-trailing-bytes': 'bytes that are no gzip follow the blob, and Content-Length agrees',
  'blob-no-md5': 'no Content-MD5; without this fault it is always that of the right bytes',
  'blob-content-encoding': 'Content-Encoding: gzip',
  'blob-ignores-range': '200 with the whole blob for a range',
  'blob-changed': 'the ETag is another one at each read, so that If-Match fails',
  'sas-expires-midway': 'the connection is cut half way and the SAS is refused from then on',
} as const;

/** How the content can differ; each export is one firing. Data with such a fault has its own eTag. */
export const CONTENT_FAULTS = {
  'blob-multi-member': 'gzip with several members',
  'blob-inflated': 'the blob is not compressed, though its name says so',
  'rows-none': 'every blob has 0 rows',
  'rows-crlf': 'lines end with CRLF',
  'rows-no-final-newline': 'the last line of a blob has no newline',
  'rows-blank-lines': 'blank lines between the lines',
  'rows-bom': 'blobs begin with a byte-order mark',
  'rows-null-keys': 'keys without a value are null instead of omitted',
  'rows-empty-strings': 'keys without a value are "" instead of omitted',
  'rows-number-strings': 'numbers are strings',
  'rows-exponents': 'numbers have exponents',
  'rows-22-digits': 'numbers have 22 fractional digits, zeros at the end',
  'rows-30-digits': 'the unit price of one row in a blob has 30 fractional digits',
  'rows-camel-case': 'names begin with a lower-case letter',
  'rows-alias-names': 'names as other versions of the API spell them',
  'rows-fraction-rates': 'credit percentages are fractions: 0.15 instead of 15',
  'rows-unknown-columns': 'fields that are not documented',
  'rows-long-additional-info':
    'one row in a blob has an AdditionalInfo (or PriceAdjustmentDescription) of 1 MB',
  'rows-duplicates': 'the first row of a blob comes three times',
  'rows-other-invoice': 'one row belongs to another invoice',
  'rows-other-tenant': 'one row belongs to another partner',
  'rows-other-month': 'one row is of another month',
  'rows-other-currency': 'one row is in another currency',
  'rows-broken-line': 'one line is cut in the middle',
  'rows-bad-number': 'one amount is no number',
  'rows-bad-utf8': 'one line has bytes that are no UTF-8',
  'rows-nul': 'one text has a NUL',
  'rows-missing-amount': 'one row has no amount',
} as const;

/** What goes wrong with Partner Center's invoice list; each GET is one firing. */
export const INVOICE_FAULTS = {
  'invoices-401': '401 with code 900420: the token is for another audience',
  'invoices-403': '403 with code 900329: app-only is not accepted',
  'invoices-429': '429 with Retry-After',
  'invoices-500': '500 with an error of its own form',
  'invoices-repeat': 'size and offset are ignored, and links.next leads to the same invoices again',
  'invoices-same-next': 'links.next leads to the page that it stands on',
  'invoices-empty': 'the list is empty, as for an indirect reseller',
  'invoices-total-count': 'totalCount is one more than there are invoices',
} as const;

const ALL = {
  ...POST_FAULTS,
  ...POLL_FAULTS,
  ...MANIFEST_FAULTS,
  ...BLOB_FAULTS,
  ...CONTENT_FAULTS,
  ...INVOICE_FAULTS,
} as const;

/** The name of a fault that can be switched on. */
export type FaultName = keyof typeof ALL;
/** A fault that changes what is in the blobs. */
export type ContentFault = keyof typeof CONTENT_FAULTS;

/** Every fault with one line of meaning (api-contract.md section 10). */
export const FAULTS: Readonly<Record<FaultName, string>> = ALL;

/** Whether a text is the name of a fault. */
export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(ALL, text);
}

/** Whether a fault changes what is in the blobs. */
export function isContentFault(name: FaultName): name is ContentFault {
  return Object.hasOwn(CONTENT_FAULTS, name);
}
