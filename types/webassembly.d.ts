/** What we use of WebAssembly: TypeScript declares it only together with a browser's whole world. */
declare namespace WebAssembly {
  /** Compiled code. Compiling throws CompileError. */
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }

  /** Code with a memory of its own. */
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  /** Linear memory; growing it detaches every view of `buffer`. */
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}
