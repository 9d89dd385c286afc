import { describe, expect, it } from '@jest/globals';
import type { AggregatedResult } from '@jest/reporters';
import { countLine } from './count-reporter.ts';

function results(numbers: Partial<AggregatedResult>): AggregatedResult {
  return {
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    wasInterrupted: false,
    testResults: [],
    ...numbers,
  } as unknown as AggregatedResult;
}

const suite = (result: object) => ({ numFailingTests: 0, failureMessage: null, ...result });

describe('the last line', () => {
  it('counts what passed and what failed', () => {
    expect(countLine(results({ numPassedTests: 3 }))).toBe('3 passed, 0 failed');
    expect(countLine(results({ numPassedTests: 3, numFailedTests: 2 }))).toBe('3 passed, 2 failed');
  });

  it('counts what was skipped or is yet to be written, where there is any', () => {
    expect(countLine(results({ numPassedTests: 1, numPendingTests: 2, numTodoTests: 3 }))).toBe(
      '1 passed, 0 failed, 5 skipped',
    );
  });

  it('counts a suite that could not run, or failed outside its tests, as failed', () => {
    const testResults = [
      suite({ testExecError: { message: 'no such module' } }),
      suite({ failureMessage: 'afterAll threw' }),
      suite({ failureMessage: 'a test failed', numFailingTests: 1 }),
      suite({}),
    ] as unknown as AggregatedResult['testResults'];
    expect(countLine(results({ numPassedTests: 5, numFailedTests: 1, testResults }))).toBe('5 passed, 3 failed');
  });

  it('counts an interrupted run as failed', () => {
    expect(countLine(results({ numPassedTests: 5, wasInterrupted: true }))).toBe('5 passed, 1 failed');
  });
});
