import { randomBytes } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, SystemError } from '../schemas/errors.js';
import {
  blobRecordSchema,
  exportRecordSchema,
  manifestRecordSchema,
  PACKAGE_FILES,
  refusalRecordSchema,
  type ExportRecord,
  type ManifestRecord,
  type RefusalRecord,
} from '../schemas/load-package.js';
import { scopeLabel, scopeText, type ExportRequest, type Scope } from '../schemas/scope.js';
import { exists, makeFolder, readRecord, syncFolder, writeDurably } from './durable-file.js';
import { foldersIn, moveFolder, removeIfEmpty } from './move-folder.js';
import { atStep } from './run-step.js';

/** A whole blob of a package: its name in the manifest, where it is, its length and its SHA-256 in lower-case hex. */
export interface PackageBlob {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * One load package: a folder with what is known of an export, its manifest and its blobs (schemas/load-package.ts).
 * What an instance knows is what is on disk; every change is durable when its promise resolves.
 */
export class LoadPackage {
  #path: string;
  #record: ExportRecord;
  #manifest: ManifestRecord | null;
  #refusal: RefusalRecord | null;

  private constructor(
    path: string,
    record: ExportRecord,
    manifest: ManifestRecord | null,
    refusal: RefusalRecord | null,
  ) {
    this.#path = path;
    this.#record = record;
    this.#manifest = manifest;
    this.#refusal = refusal;
  }

  /** Opens the package in a folder; null where there is none, or one that a newer connector wrote. */
  static async open(path: string): Promise<LoadPackage | null> {
    const record = await readRecord(join(path, PACKAGE_FILES.exportRecord), exportRecordSchema);
    if (record === null) return null;
    const manifest = await readRecord(join(path, PACKAGE_FILES.manifest), manifestRecordSchema);
    const refusal = await readRecord(join(path, PACKAGE_FILES.refusal), refusalRecordSchema);
    return new LoadPackage(path, record, manifest, refusal);
  }

  /** Makes a new package in a folder. */
  static async create(path: string, record: ExportRecord): Promise<LoadPackage> {
    await makeFolder(path);
    await writeDurably(join(path, PACKAGE_FILES.exportRecord), json(record));
    await syncFolder(dirname(path));
    return new LoadPackage(path, record, null, null);
  }

  /** Where it is; changes when it is moved. */
  get path(): string {
    return this.#path;
  }

  get packageId(): string {
    return this.#record.packageId;
  }

  get exportRecord(): ExportRecord {
    return this.#record;
  }

  /** Why nothing of it was published; null where it was never refused. */
  refusal(): RefusalRecord | null {
    return this.#refusal;
  }

  /** What Graph's manifest says; null before it was read. */
  manifest(): ManifestRecord | null {
    return this.#manifest;
  }

  /** The manifest of a package that is whole. @throws SystemError when it is not. */
  async wholeManifest(): Promise<ManifestRecord> {
    if (this.#manifest !== null && (await this.isWhole())) return this.#manifest;
    throw new SystemError({
      message: `load package ${this.packageId} of ${scopeLabel(this.#record.scope)} is not whole`,
      hint: 'this is a defect of the connector: only whole packages are loaded; report it',
    });
  }

  /** Where records that failed validation are kept. */
  get rejectedPath(): string {
    return join(this.#path, PACKAGE_FILES.rejected);
  }

  /** Notes what became known of the export. */
  async note(known: Partial<ExportRecord>): Promise<void> {
    const record = exportRecordSchema.parse({ ...this.#record, ...known });
    await writeDurably(join(this.#path, PACKAGE_FILES.exportRecord), json(record));
    this.#record = record;
  }

  /** Keeps the manifest. */
  async keepManifest(manifest: ManifestRecord): Promise<void> {
    await writeDurably(join(this.#path, PACKAGE_FILES.manifest), json(manifestRecordSchema.parse(manifest)));
    this.#manifest = manifest;
  }

  /** The blobs that are whole on disk, in the manifest's order; their length is compared with what was recorded. */
  async blobs(): Promise<PackageBlob[]> {
    const found: PackageBlob[] = [];
    for (const { name } of this.#manifest?.blobs ?? []) {
      const path = join(this.#path, PACKAGE_FILES.blobs, name);
      const record = await readRecord(`${path}.json`, blobRecordSchema);
      if (record === null || !(await exists(path))) continue;
      const { size } = await stat(path);
      if (size === record.bytes) found.push({ name, path, bytes: size, sha256: record.sha256 });
    }
    return found;
  }

  /** Whether the manifest and all its blobs are on disk. A manifest without blobs makes a whole package. */
  async isWhole(): Promise<boolean> {
    return this.#manifest !== null && (await this.blobs()).length === this.#manifest.blobs.length;
  }

  /**
   * Deletes a blob that proved damaged, so that it is downloaded once more, and counts it. True the first time;
   * false from the second on: then it is an integrity error.
   */
  async discardBlob(name: string): Promise<boolean> {
    const times = (this.#record.discards?.[name] ?? 0) + 1;
    await this.note({ discards: { ...this.#record.discards, [name]: times } });
    const path = join(this.#path, PACKAGE_FILES.blobs, name);
    await rm(path, { force: true });
    await rm(`${path}.json`, { force: true });
    return times === 1;
  }

  /** Records why nothing of it was published. Of a scope's refused packages only this newest one is kept. */
  async refuse(record: RefusalRecord): Promise<void> {
    await writeDurably(join(this.#path, PACKAGE_FILES.refusal), json(refusalRecordSchema.parse(record)));
    this.#refusal = record;
    for (const sibling of await packagesIn(dirname(this.#path))) {
      if (sibling.packageId !== this.packageId && sibling.refusal() !== null) await sibling.remove();
    }
  }

  /** Moves it to a folder of its own, `target`, on this or another file system. Partial downloads are left out. */
  async archiveTo(target: string): Promise<void> {
    await rm(join(this.#path, PACKAGE_FILES.partial), { recursive: true, force: true });
    await rm(join(this.#path, PACKAGE_FILES.refusal), { force: true });
    await this.#moveTo(target);
  }

  /** Moves it within the spool: to where its scope belongs, when Graph has fixed another month than was planned. */
  async moveTo(target: string): Promise<void> {
    await this.#moveTo(target);
  }

  /** Deletes it. A deletion that is cut short leaves nothing that would be taken for a package. */
  async remove(): Promise<void> {
    await rm(join(this.#path, PACKAGE_FILES.exportRecord), { force: true });
    atStep('package unlisted');
    await rm(this.#path, { recursive: true, force: true });
    await removeIfEmpty(dirname(this.#path));
  }

  async #moveTo(target: string): Promise<void> {
    const source = this.#path;
    if (target === source) return;
    await moveFolder(source, target);
    this.#path = target;
    await removeIfEmpty(dirname(source));
  }
}

/**
 * The spool of one dataset: `<root>/<tenant>/<dataset>/<stream>/<scope>/<package>/`. The unfinished work of a
 * connector and nothing else; an empty spool only means downloading again. One run uses it at a time.
 */
export class Spool {
  readonly #root: string;
  readonly #tenantId: string;
  readonly #dataset: string;

  private constructor(root: string, tenantId: string, dataset: string) {
    this.#root = root;
    this.#tenantId = tenantId;
    this.#dataset = dataset;
  }

  /** Opens the spool below a folder, which is made for its owner only. */
  static async open(root: string, tenantId: string, dataset: string): Promise<Spool> {
    const folder = join(root, folderName(tenantId), folderName(dataset));
    await makeFolder(folder);
    return new Spool(folder, tenantId, dataset);
  }

  /** The folder of the dataset's packages. */
  get root(): string {
    return this.#root;
  }

  /** Packages of a scope that were not refused, newest first. A scope is what the package's record says it is. */
  async unfinished(scope: Scope): Promise<LoadPackage[]> {
    return (await this.#ofScope(scope)).filter((one) => one.refusal() === null);
  }

  /** The package of a scope that was refused and kept for a person to look at; null where there is none. */
  async refused(scope: Scope): Promise<LoadPackage | null> {
    return (await this.#ofScope(scope)).find((one) => one.refusal() !== null) ?? null;
  }

  /** All packages, refused ones included, by folder. */
  async list(): Promise<LoadPackage[]> {
    const found: LoadPackage[] = [];
    for (const stream of await foldersIn(this.#root)) {
      for (const scope of await foldersIn(stream)) found.push(...(await packagesIn(scope)));
    }
    return found;
  }

  /** Begins a package for an export of a scope. */
  async begin(
    request: ExportRequest,
    graphUrl: string,
    now: Date,
    packageId = newPackageId(now),
  ): Promise<LoadPackage> {
    return await LoadPackage.create(join(this.folderOf(request.scope), packageId), {
      version: 1,
      packageId,
      tenantId: this.#tenantId,
      dataset: this.#dataset,
      scope: request.scope,
      attributeSet: request.attributeSet,
      ...(request.period === undefined ? {} : { period: request.period }),
      graphUrl,
      intents: [],
      renewals: 0,
      requestIds: [],
    });
  }

  /** The folder of a scope's packages. */
  folderOf(scope: Scope): string {
    return join(this.#root, folderName(scope.stream), folderName(scopeText(scope)));
  }

  async #ofScope(scope: Scope): Promise<LoadPackage[]> {
    const found = await this.list();
    return found
      .filter((one) => scopeLabel(one.exportRecord.scope) === scopeLabel(scope))
      .sort((one, other) => (one.packageId < other.packageId ? 1 : -1));
  }
}

/** An id for a package begun at an instant; ids sort by time. */
export function newPackageId(now: Date): string {
  return `${now.toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
}

async function packagesIn(scopeFolder: string): Promise<LoadPackage[]> {
  const opened = await Promise.all((await foldersIn(scopeFolder)).map((path) => LoadPackage.open(path)));
  return opened.filter((one) => one !== null);
}

function folderName(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(text)) return text;
  throw new ConfigError({
    message: `${JSON.stringify(text)} cannot be the name of a folder in the spool`,
    hint: 'an invoice id is made of letters, digits and -, such as G016907411',
  });
}

function json(record: object): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}
