import { RUN_BYTES } from '../decoder-layout';

/** Address of RUN, which the host and the decoder share. */
export const run: usize = memory.data(RUN_BYTES, 16);
