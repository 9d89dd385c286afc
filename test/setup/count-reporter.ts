import { writeFileSync } from 'node:fs';
import type { AggregatedResult, Reporter, TestResult } from '@jest/reporters';

/**
 * Says the outcome in one line, `N passed, N failed`, with `, N skipped` after it if there are any. A suite that could not
 * run, or failed outside its tests, counts as one failed. Where `SLUICE_TEST_COUNT_FILE` names a file the line goes there,
 * for test/run.sh to print after everything else.
 */
export default class CountReporter implements Pick<Reporter, 'onRunComplete'> {
  onRunComplete(_contexts: unknown, results: AggregatedResult): void {
    const line = countLine(results);
    const file = process.env['SLUICE_TEST_COUNT_FILE'];
    if (file === undefined) console.log(line);
    else writeFileSync(file, `${line}\n`);
  }
}

export function countLine(results: AggregatedResult): string {
  const brokenSuites = results.testResults.filter(isBroken).length;
  const interrupted = results.wasInterrupted ? 1 : 0;
  const failed = results.numFailedTests + brokenSuites + interrupted;
  const skipped = results.numPendingTests + results.numTodoTests;
  return `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Failed as a whole: none of its tests has the failure. */
function isBroken(suite: TestResult): boolean {
  return suite.numFailingTests === 0 && (suite.testExecError !== undefined || Boolean(suite.failureMessage));
}
