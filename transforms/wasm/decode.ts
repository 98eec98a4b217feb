import {
  BATCH_FULL,
  DONE,
  LINES_DONE,
  NO_ROOM,
  ODD_FIELDS,
  ODD_LINE,
  RUN_AT,
  RUN_BYTES_USED,
  RUN_END,
  RUN_LINE_NUMBER,
  RUN_LINES_LEFT,
  RUN_MAX_BYTES,
  RUN_MAX_LINE,
  RUN_MAX_ROWS,
  RUN_ROWS,
} from '../decoder-layout';
import { commitRow, forgetRow, hasRequired } from './commit';
import { clearOutOfRoom, isOutOfRoom } from './escape';
import { hasOddFields, lineLength, nextLine, readFields } from './fields';
import { run } from './run';
import { initPowers } from './scaled';

/*
 * The entry of the decoder's module: lines of JSON to the buffers of an Arrow batch, as RUN says (decoder-layout.ts).
 */

export { encodeRows } from './copy-binary';

/** Prepares the module; called once. Returns the address of RUN. */
export function init(): usize {
  initPowers();
  return run;
}

/** Where memory is free. */
export function heapBase(): usize {
  return __heap_base;
}

/** Decodes lines from RUN_AT on until something is to be done about it: see `DONE` and what follows it. */
export function decode(): i32 {
  let problem = DONE;
  while (problem == DONE) {
    if (load<u32>(run, RUN_ROWS) >= load<u32>(run, RUN_MAX_ROWS)) return BATCH_FULL;
    if (load<u32>(run, RUN_BYTES_USED) >= load<u32>(run, RUN_MAX_BYTES)) return BATCH_FULL;
    const at = <usize>load<u32>(run, RUN_AT);
    if (at >= <usize>load<u32>(run, RUN_END)) return DONE;
    const left = load<u32>(run, RUN_LINES_LEFT);
    if (left == 0) return LINES_DONE;
    problem = decodeLine(at);
    if (problem != DONE) return problem;
    store<u32>(run, <u32>nextLine, RUN_AT);
    store<u32>(run, load<u32>(run, RUN_LINE_NUMBER) + 1, RUN_LINE_NUMBER);
    store<u32>(run, left - 1, RUN_LINES_LEFT);
  }
  return problem;
}

function decodeLine(at: usize): i32 {
  clearOutOfRoom();
  let problem = DONE;
  if (!readFields(at)) problem = isOutOfRoom ? NO_ROOM : hasOddFields ? ODD_FIELDS : ODD_LINE;
  else if (lineLength > load<u32>(run, RUN_MAX_LINE) || !hasRequired()) problem = ODD_LINE;
  else if (!commitRow()) problem = NO_ROOM;
  if (problem != DONE) forgetRow();
  return problem;
}
