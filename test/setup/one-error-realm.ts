import { isNativeError } from 'node:util/types';

// A suite runs in a context of its own, and errors of Node's own modules come from outside it: without this they are no
// `instanceof Error` there, which they are wherever the code really runs.
const isInstance = Function.prototype[Symbol.hasInstance];
Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown) {
    return isInstance.call(this, value) || (this === Error && isNativeError(value));
  },
});
