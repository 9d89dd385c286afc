// Preloaded while packaging: what wants to reach anything by network fails at once and by name, instead of hanging where
// there is none.
const { Socket } = require('node:net');

Socket.prototype.connect = (...target) => {
  throw new Error(`Packaging must work without network, but something connects to ${JSON.stringify(target[0])}`);
};
