import type { AttributeSet } from '../../schemas/streams.js';
import { BlobStore } from './blob-store.js';
import { configurationText, type ConfigurationOverrides } from './configuration.js';
import type { ScopeName } from './data-scope.js';
import { RequestLog, type RequestRecord } from './exchange.js';
import { FaultSwitch, type FaultSetting } from './fault-switch.js';
import { blobsOf, type GraphParts } from './graph-parts.js';
import { answerGraph, graphRequestKind } from './graph-service.js';
import { answerInvoices } from './invoice-list.js';
import { startLoopbackServer, type LoopbackServer } from './loopback-server.js';
import { Operations } from './operations.js';
import { settled, type SandboxOptions, type Settings } from './options.js';
import { presentOf, type Present } from './present.js';
import { namedScope } from './present-scope.js';
import type { Change } from './restatement.js';
import { SandboxData, type Expected } from './sandbox-data.js';
import { SasAuthority } from './sas.js';
import { StorageService } from './storage-service.js';

export { FAULTS, type FaultName } from './faults.js';
export { presentAt, type Present, type PresentScope } from './present.js';
export type { ArrivalDays, BillingCalendar, PausedAnswer, UsagePause } from './calendar-options.js';
export type { ScriptEntry } from './document-script.js';
export type { ListedDocument } from './listed-documents.js';
export type { FaultSetting } from './fault-switch.js';
export type { SandboxInvoice, SandboxOptions } from './options.js';
export type { RequestRecord } from './exchange.js';

/** A running sandbox: Graph, Partner Center and storage on loopback, over one set of data. */
export interface Sandbox {
  /** `http://127.0.0.1:PORT/v1.0`. */
  readonly graphUrl: string;
  /** `127.0.0.1:PORT` of storage, for `storage_hosts`: another port than Graph's. */
  readonly storageHost: string;
  /** `http://127.0.0.1:PORT/v1`: `/invoices` is below it. */
  readonly partnerCenterUrl: string;
  readonly tenantId: string;
  /** The bearer token that Graph takes. */
  readonly token: string;
  /** The bearer token that Partner Center takes. */
  readonly partnerCenterToken: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** Forgets the requests so far. */
  clearRequests(): void;
  /**
   * Gives a scope new data and a new eTag: so many amounts changed, rows removed, rows added. Exports that were asked
   * for before keep the old data. Only the stream that is named changes: usage and lines tie as first invoiced.
   * @throws ConfigError for a scope that the sandbox does not have.
   */
  restate(scope: ScopeName, change: Change): void;
  /**
   * Charges 1 too much in one line of an invoice, of few licences, and in its header too: an error of Microsoft's own, for
   * reconciliation to find.
   * @throws ConfigError for an invoice that the sandbox does not have, or that has no such line.
   */
  overcharge(invoice: string): void;
  /**
   * Switches faults: those named are on, all others off.
   * @throws ConfigError for an unknown name.
   */
  setFaults(faults: readonly FaultSetting[]): void;
  /**
   * What a whole copy of the scope holds now: records, exact sum of the amount (`BillingPreTaxTotal` or `Subtotal`)
   * by currency, and the eTag of an export asked for now. Faults that damage rows are not counted in; the eTag is
   * that of the faulty content while such a fault is on.
   * @throws ConfigError for a scope that the sandbox does not have, or has no data of now.
   */
  expected(scope: ScopeName, attributeSet?: AttributeSet): Expected;
  /**
   * Everything that the sandbox holds now, by its billing calendar: documents, scopes, sums; see `presentAt` for the same
   * without a server.
   * @throws ConfigError without the option `calendar`.
   */
  present(): Present;
  /** The invoice's total charges with tax, as Partner Center shows them: exact text. */
  totalCharges(invoice: string): string;
  /** The scope's blobs as files on disk, in the order of the manifest; they stay until the sandbox closes. */
  blobFiles(scope: ScopeName, attributeSet?: AttributeSet): Promise<readonly string[]>;
  /** The text of a `connector.yaml` that works against the sandbox; see `configurationText`. */
  configuration(overrides?: ConfigurationOverrides): string;
  /** Stops the servers, cuts every connection and removes the blobs, unless a cache directory keeps them. */
  close(): Promise<void>;
}

/**
 * Starts a sandbox on 127.0.0.1.
 * @throws ConfigError for options that are out of range, an unknown fault, or a port that is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = settled(options);
  const faults = new FaultSwitch(settings.faults);
  const log = new RequestLog();
  const { now } = settings;
  const sas = new SasAuthority(settings.tenantId, now, settings.sasLifetimeMs);
  const storage = new StorageService(sas, faults, now);
  const storagePort = settings.port === 0 ? 0 : settings.port + 1;
  const storageServer = await startLoopbackServer(storagePort, now, async (exchange) => {
    exchange.logIn(log, 'blob');
    await storage.answer(exchange);
  });
  storage.origin = storageServer.origin;
  const data = new SandboxData(settings);
  const store = new BlobStore(settings.blobs, settings.cacheDirectory);
  const shared = { settings, data, store, storage, faults, operations: new Operations() };
  const graphServer = await startGraph(shared, log).catch(async (thrown: unknown) => {
    await Promise.all([storageServer.close(), store.close()]);
    throw thrown;
  });
  const parts: GraphParts = { ...shared, origin: graphServer.origin };
  return sandboxOf(parts, log, graphServer, storageServer);
}

async function startGraph(shared: Omit<GraphParts, 'origin'>, log: RequestLog): Promise<LoopbackServer> {
  const { settings } = shared;
  const server = await startLoopbackServer(settings.port, settings.now, async (exchange) => {
    const path = exchange.url.pathname;
    if (path.startsWith('/v1/')) {
      exchange.logIn(log, 'invoices');
      await answerInvoices(shared, exchange);
    } else {
      exchange.logIn(log, graphRequestKind(exchange.method, path));
      await answerGraph({ ...shared, origin: server.origin }, exchange);
    }
  });
  return server;
}

function sandboxOf(
  parts: GraphParts,
  log: RequestLog,
  graphServer: LoopbackServer,
  storageServer: LoopbackServer,
): Sandbox {
  const { settings, data, faults, store } = parts;
  const { origin } = graphServer;
  const addresses = {
    graphUrl: `${origin}/v1.0`,
    partnerCenterUrl: `${origin}/v1`,
    storageHost: storageServer.host,
  };
  return {
    ...addresses,
    ...identityOf(settings),
    get requests() {
      return log.records;
    },
    clearRequests: () => log.clear(),
    restate: (scope, change) => data.restate(namedScope(settings, scope), change),
    overcharge: (invoice) =>
      data.overcharge(namedScope(settings, { stream: 'billed_reconciliation', invoice })),
    setFaults: (wanted) => faults.set(wanted),
    expected: (scope, attributeSet = 'full') =>
      data.expected(namedScope(settings, scope), attributeSet, faults.contentFaults()),
    present: () => presentOf(settings, data, faults.contentFaults()),
    totalCharges: (invoice) => data.totalCharges(invoice),
    blobFiles: async (scope, attributeSet = 'full') => {
      const version = data.version(namedScope(settings, scope), attributeSet, faults.contentFaults());
      return (await blobsOf(parts, version)).map(({ path }) => path);
    },
    configuration: (overrides = {}) => configurationText(settings, addresses, overrides),
    close: async () => {
      await Promise.all([graphServer.close(), storageServer.close()]);
      await store.close();
    },
  };
}

function identityOf(settings: Settings): Pick<Sandbox, 'tenantId' | 'token' | 'partnerCenterToken'> {
  const { tenantId, token, partnerCenterToken } = settings;
  return { tenantId, token, partnerCenterToken };
}
