/** In the place of what the interpreter never calls here; interpreter.ts says of what. */

function unused(): never {
  throw new Error('The local machine calls neither AWS nor the interpreter’s own validator');
}

export class LambdaClient {
  constructor() {
    unused();
  }
}

export class InvokeCommand {
  constructor() {
    unused();
  }
}

export { unused as default, unused as fromCognitoIdentityPool };
