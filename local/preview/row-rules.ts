import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { RowRules } from '../../shared/engine/table-engine.ts';

/** What a data set says is done with rows of too few fields, or too many. */
export function rowRulesOf(_: Dataset): RowRules {
  return { short: 'reject', long: 'reject' };
}
