/*
 * How the memory of the decoder's WebAssembly module is laid out. Read by both sides: the AssemblyScript sources in
 * `transforms/wasm` and the TypeScript that hosts the module. All words are u32, little endian; addresses are bytes
 * from the start of the memory. The host lays everything out; the module only ever writes where it was told to.
 *
 *   RUN       one, at the address the module gives: where decoding stands
 *   COLUMN    one a declared column in the table's order, then one for `_extra`; side by side
 *   ENTRY     one a field in the order in which the lines of a blob have them; side by side
 *   LISTS     addresses of COLUMNs or ENTRYs, side by side
 *   FIELD     one a field of an encoded row, in their order; side by side
 *
 * Buffers that become Arrow's have its layout: validity one bit a row, the least significant first; offsets i32;
 * decimals 16 bytes two's complement; dates i32 days; timestamps i64 microseconds.
 */

/** Kinds of column; an entry of kind {@link UNKNOWN} has none. */
export const TEXT = 0;
/** A decimal times 10^22. */
export const DECIMAL = 1;
/** Days since 1970-01-01. */
export const DATE = 2;
/** Microseconds since 1970-01-01T00:00:00. */
export const TIMESTAMP = 3;
/** A field that no column is declared for: its raw token is kept. */
export const UNKNOWN = 4;

/** Length of a text that is null, as it is hashed too. */
export const NO_TEXT = 0xffffffff;

/** Bytes of a COLUMN. */
export const COLUMN_BYTES = 64;
/** One of the kinds. */
export const COLUMN_KIND = 0;
/** Address of the validity bits; all 0 when a batch begins. */
export const COLUMN_VALIDITY = 4;
/** Address of the values; of a text column of its offsets, one more than rows. */
export const COLUMN_VALUES = 8;
/** Address of a text column's bytes. */
export const COLUMN_BYTES_AT = 12;
/** How many bytes of text fit; 16 more may be written over. */
export const COLUMN_ROOM = 16;
/** How many bytes of text the rows of this batch have. */
export const COLUMN_USED = 20;
/** How many of them are null. */
export const COLUMN_NULLS = 24;
/** Address of 64 bytes for the canonical text of the value that is being read. */
export const COLUMN_SCRATCH = 28;
/** Address of the canonical text of the current row's value, which is what is hashed. */
export const COLUMN_TEXT = 32;
/** Its length in bytes, or NO_TEXT; NO_TEXT between rows. */
export const COLUMN_LENGTH = 36;

/** Bytes of an ENTRY. */
export const ENTRY_BYTES = 64;
/**
 * Address of what stands before its value where another field is before it: `,"Quantity":`, in blocks of 32 bytes: 16 bytes
 * of it (zeros behind its end), and 16 bytes of mask that are 0xff where there is some of it.
 */
export const ENTRY_PATTERN = 0;
/** How many such blocks. */
export const ENTRY_BLOCKS = 4;
/** Its length in bytes. */
export const ENTRY_PATTERN_LENGTH = 8;
/** One of the kinds. */
export const ENTRY_KIND = 12;
/** Address of its COLUMN; 0 for an unknown field. */
export const ENTRY_COLUMN = 16;
/** Of an unknown field: address and length of its name as JSON with the colon: `"Name":`. */
export const ENTRY_NAME = 20;
/** See {@link ENTRY_NAME}. */
export const ENTRY_NAME_LENGTH = 24;
/** Of an unknown field: address and length of its folded name. */
export const ENTRY_FOLDED = 28;
/** See {@link ENTRY_FOLDED}. */
export const ENTRY_FOLDED_LENGTH = 32;
/** Of an unknown field: address and length (0 for none) of its token in the current line. */
export const ENTRY_TOKEN = 36;
/** See {@link ENTRY_TOKEN}. */
export const ENTRY_TOKEN_LENGTH = 40;
/** Of an unknown field: how many rows had it since the host looked. */
export const ENTRY_COUNT = 44;

/** The same three for its place as the first field of a line: `{"PartnerId":`. */
export const ENTRY_FIRST = 48;
/** See {@link ENTRY_FIRST}. */
export const ENTRY_FIRST_BLOCKS = 52;
/** See {@link ENTRY_FIRST}. */
export const ENTRY_FIRST_LENGTH = 56;

/** Bytes of RUN. */
export const RUN_BYTES = 128;
/** Address of the next line. */
export const RUN_AT = 0;
/** Address behind the last line, which ends in LF; 64 bytes behind it may be read. */
export const RUN_END = 4;
/** Rows in the batch. */
export const RUN_ROWS = 8;
/** A batch is full at this many rows, */
export const RUN_MAX_ROWS = 12;
/** or when it takes this many bytes. */
export const RUN_MAX_BYTES = 16;
/** Bytes that the batch takes, as the reference decoder counts them. */
export const RUN_BYTES_USED = 20;
/** Bytes that a row takes beside its text. */
export const RUN_FIXED_BYTES = 24;
/** Number of the line at RUN_AT, from 1. */
export const RUN_LINE_NUMBER = 28;
/** Lines to decode before the host is asked again. */
export const RUN_LINES_LEFT = 32;
/** Longest line, its end not counted. */
export const RUN_MAX_LINE = 36;
/** Address and number of COLUMNs, without the one of `_extra`. */
export const RUN_COLUMNS = 40;
/** See {@link RUN_COLUMNS}. */
export const RUN_COLUMN_COUNT = 44;
/** Address of the COLUMN of `_extra`. */
export const RUN_EXTRA = 48;
/** Address and number of ENTRYs. */
export const RUN_ENTRIES = 52;
/** See {@link RUN_ENTRIES}. */
export const RUN_ENTRY_COUNT = 56;
/** List of the identity's COLUMNs, in the order in which they are hashed. */
export const RUN_IDENTITY = 60;
/** See {@link RUN_IDENTITY}. */
export const RUN_IDENTITY_COUNT = 64;
/** List of the COLUMNs without which a record is rejected. */
export const RUN_REQUIRED = 68;
/** See {@link RUN_REQUIRED}. */
export const RUN_REQUIRED_COUNT = 72;
/** List of the unknown fields' ENTRYs, sorted by folded name. */
export const RUN_UNKNOWN = 76;
/** See {@link RUN_UNKNOWN}. */
export const RUN_UNKNOWN_COUNT = 80;
/** Address of the line item keys, 16 bytes a row. */
export const RUN_KEYS = 84;
/** Address of the row hashes, 16 bytes a row. */
export const RUN_HASHES = 88;
/** Address of the line numbers, i32. */
export const RUN_LINE_NUMBERS = 92;
/** Address of room for the bytes that are hashed. */
export const RUN_HASHED = 96;
/** After NO_ROOM: address of the COLUMN whose text does not fit. */
export const RUN_FULL_COLUMN = 100;
/** Address of what stands behind the last value: `}`, one block as of {@link ENTRY_PATTERN}; and its length. */
export const RUN_SUFFIX = 104;
/** See {@link RUN_SUFFIX}. */
export const RUN_SUFFIX_LENGTH = 108;

/** What `decode` returns: everything is decoded; */
export const DONE = 0;
/** the batch is full; */
export const BATCH_FULL = 1;
/** as many lines as were asked for are decoded; */
export const LINES_DONE = 2;
/** the line at RUN_AT is none that the fast way knows: nothing of it was kept; */
export const ODD_LINE = 3;
/** the same, and it was its fields that were not the expected ones; */
export const ODD_FIELDS = 4;
/** the text of RUN_FULL_COLUMN does not fit: nothing of the line was kept. */
export const NO_ROOM = 5;

/** Bytes of a FIELD. */
export const FIELD_BYTES = 16;
/** The kind of the column it is, or one of those that follow. */
export const FIELD_KIND = 0;
/** Address of its COLUMN; of a field of another kind, that of its bytes. */
export const FIELD_AT = 4;
/** Of a constant: how many bytes it has. */
export const FIELD_LENGTH = 8;

/** 16 bytes a row, side by side. */
export const FIELD_SIXTEEN = 8;
/** An i32 a row, side by side. */
export const FIELD_INTEGER = 9;
/** The same in each row: the bytes of the field as they are sent, its length in front. */
export const FIELD_CONSTANT = 10;

/** Bytes that a field takes at most, its length included; a text takes these and its own, a constant its own. */
export const FIELD_ROOM = 32;
/** See {@link FIELD_ROOM}. */
export const FIELD_TEXT_ROOM = 4;
/** Bytes behind the last encoded row that may be written over. */
export const ENCODED_OVERRUN = 64;
