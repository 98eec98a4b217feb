import type { TextRow } from '../load/destination.js';

/**
 * How a line is computed, with the numbers written out, for people: first the recipe that gives the subtotal. Both are
 * written out where neither does. Pure.
 */
export function recipeLines(recipe: TextRow | null): readonly string[] {
  if (recipe === null) return ['it cannot be computed again: the check does not know the line'];
  const text = (name: string): string => recipe[name] ?? '';
  const matched = recipe['matched_recipe'] ?? null;
  if (matched === null) return [`it cannot be computed again: ${text('reason')}`];
  const product = [
    `  product: ${text('effective_unit_price')} x ${text('billable_quantity')} = ${text('price_by_quantity')}`,
    `cut to ${text('price_by_quantity_cut')} ${text('pricing_currency')}`,
    `x rate ${text('exchange_rate')} = ${text('converted')}`,
    `cut to ${text('product_amount')} ${text('currency')}`,
  ].join(', ');
  const unit = [
    `  unit: ${text('effective_unit_price')} x rate ${text('exchange_rate')} = ${text('price_by_rate')}`,
    `cut to ${text('price_by_rate_cut')} ${text('currency')}`,
    `x ${text('billable_quantity')} = ${text('unit_amount')} ${text('currency')}`,
  ].join(', ');
  if (matched === 'product') return ['the price by the quantity gives the subtotal:', product];
  if (matched === 'unit') return ['the price, cut, by the quantity gives the subtotal:', unit];
  return [
    `neither recipe gives the subtotal ${text('right_amount')}: the nearer one is ${text('difference')} away (${text('status')}, tolerance ${text('tolerance')})`,
    product,
    unit,
  ];
}
