import fc from 'fast-check';

// One seed for all property tests: what fails once fails again, and a change is not held up by what it did not touch. Another
// one looks where nobody has looked yet: SEED=$RANDOM npm test.
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 1) });
