import { foldFieldName } from './field-name.js';

/** Where a word begins within `CreditNote`, `oneTime` or `VOIDNote`. */
const BEGINNING = /([a-z0-9])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])/g;
/** ASCII that is neither letter nor digit. */
const BETWEEN = /[\t-\r -/:-@[-`{-~]+/;

/**
 * A kind that Partner Center spells in many ways (`Credit Note`, `CreditNote`, `credit_note`, `OneTime`), as words in
 * lower case joined by `_`. Only ASCII is changed, so that no version of Unicode can change a stored hash; a text that
 * has nothing but marks stays as it is.
 */
export function kindWord(text: string): string {
  const words = text.replace(BEGINNING, '$1$2 ').split(BETWEEN);
  return foldFieldName(words.filter((word) => word !== '').join('_')) || text;
}
