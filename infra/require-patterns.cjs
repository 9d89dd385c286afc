const { existsSync } = require('node:fs');
const { join } = require('node:path');

/**
 * Refuses to package a function without the files that its `package.patterns` name. A pattern that matches nothing is no
 * error to serverless: on a machine of another kind than Lambda's, where npm installs other native libraries, the function
 * would be deployed and then fail to load.
 */
class RequirePatterns {
  constructor(serverless) {
    this.hooks = {
      'before:package:createDeploymentArtifacts': () => {
        for (const [name, { package: included }] of Object.entries(serverless.service.functions)) {
          for (const pattern of included?.patterns ?? []) {
            if (pattern.startsWith('!')) continue;
            const folder = pattern.split('*')[0];
            if (existsSync(join(serverless.serviceDir, folder))) continue;
            throw new serverless.classes.Error(
              `Cannot package "${name}": there is no ${folder}. Install and package where Lambda's own libraries are installed: on Linux x64 with glibc`,
            );
          }
        }
      },
    };
  }
}

module.exports = RequirePatterns;
