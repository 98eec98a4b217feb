/** What we use of parquetjs-lite 0.8.7, which ships no types: writing and reading flat text and integer columns. */
declare module 'parquetjs-lite' {
  /** A column. Statistics of text are wrong outside the BMP: switch them off, or readers skip rows that match. */
  export interface ParquetField {
    readonly type: 'UTF8' | 'INT32' | 'INT64';
    readonly optional?: boolean;
    readonly statistics?: boolean;
    readonly compression?: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY';
  }

  export class ParquetSchema {
    constructor(fields: Readonly<Record<string, ParquetField>>);
  }

  /** Where a writer's bytes go; the callback says that they were taken. */
  export interface ParquetOutput {
    write(bytes: Buffer, taken: (error?: Error | null) => void): void;
    end(ended: (error?: Error | null) => void): void;
  }

  export class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      output: ParquetOutput,
      options?: { readonly rowGroupSize?: number },
    ): Promise<ParquetWriter>;
    setMetadata(key: string, value: string): void;
    /** Throws text, not errors, for a row that does not fit the schema. */
    appendRow(row: Readonly<Record<string, string | number | undefined>>): Promise<void>;
    close(): Promise<void>;
  }

  export class ParquetReader {
    static openFile(path: string): Promise<ParquetReader>;
    /** The file's key-value metadata. */
    getMetadata(): Readonly<Record<string, string>>;
    getCursor(): {
      /** The next row, INT64 as bigint and null left out; null at the end. */
      next(): Promise<Readonly<Record<string, string | number | bigint | undefined>> | null>;
    };
    close(): Promise<void>;
  }

  /** The package is CommonJS without names that Node can see: what is called at run time comes from here. */
  const parquet: {
    readonly ParquetReader: typeof ParquetReader;
    readonly ParquetSchema: typeof ParquetSchema;
    readonly ParquetWriter: typeof ParquetWriter;
  };
  export default parquet;
}
