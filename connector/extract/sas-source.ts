import { ExportGone } from './export-turn.js';

/**
 * The SAS of one manifest, for all downloads of its blobs at once. In memory only.
 */
export interface SasSource {
  /** The newest SAS we hold. */
  newest(): string;
  /**
   * A SAS in place of one that storage has refused: the newest we hold, or, if that is the one refused, one from
   * the manifest read again, once for all downloads that ask.
   * `fresh` tells the latter: only a SAS that was read just now can be refused for good.
   * @throws ExportGone when the manifest is gone or gives the refused SAS again; DataChanged when it is of other data.
   */
  inPlaceOf(refused: string): Promise<{ readonly sas: string; readonly fresh: boolean }>;
}

/**
 * Makes the source of a manifest's SAS.
 * @param readAgain reads the manifest again and gives its SAS; it makes sure that it is of the same data.
 */
export function createSasSource(first: string, readAgain: () => Promise<string>): SasSource {
  let newest = first;
  let reading: Promise<string> | null = null;
  return {
    newest: () => newest,
    async inPlaceOf(refused) {
      if (newest !== refused) return { sas: newest, fresh: false };
      reading ??= readAgain()
        .then((sas) => {
          newest = sas;
          return sas;
        })
        .finally(() => {
          reading = null;
        });
      const sas = await reading;
      if (sas !== refused) return { sas, fresh: true };
      throw new ExportGone('storage refuses the SAS, and the manifest gives the same one again');
    },
  };
}
