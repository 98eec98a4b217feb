import { readFileSync } from 'node:fs';
import { ConfigError, SystemError } from '../schemas/errors.js';
import { Decoder } from '../transforms/decoder.js';

/** What reads the lines of blobs: `fast`, or the slow `reference` that it is checked by. */
export const DECODERS = ['fast', 'reference'] as const;

/** One of {@link DECODERS}. */
export type DecoderName = (typeof DECODERS)[number];

/** Built from `transforms/wasm`; code that runs from its TypeScript source takes the one in `dist/` too. */
const MODULE = import.meta.url.endsWith('.ts')
  ? new URL('../dist/transforms/decoder.wasm', import.meta.url)
  : new URL('../transforms/decoder.wasm', import.meta.url);

/** The decoder that `PARTNER_BILLING_DECODER` names; `fast` where it names none. @throws ConfigError for another name */
export function chosenDecoder(env: Readonly<Record<string, string | undefined>>): DecoderName {
  const name = env['PARTNER_BILLING_DECODER'] ?? '';
  const found = name === '' ? 'fast' : DECODERS.find((decoder) => decoder === name);
  if (found !== undefined) return found;
  throw new ConfigError({
    message: 'PARTNER_BILLING_DECODER names no decoder',
    hint: `set it to ${DECODERS.join(' or ')}, or unset it`,
    facts: { key: 'PARTNER_BILLING_DECODER' },
  });
}

/** The fast decoder. @throws SystemError where its module is missing */
export function loadDecoder(): Decoder {
  try {
    return new Decoder(new Uint8Array(readFileSync(MODULE)));
  } catch (error) {
    throw new SystemError({
      message: 'the decoder cannot be loaded: transforms/decoder.wasm is missing or damaged',
      hint: 'install the connector again (from a clone: npm run build), or set PARTNER_BILLING_DECODER=reference',
      cause: error,
    });
  }
}
