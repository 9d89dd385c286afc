const { withStageOptions } = require('./stage-options.ts');
const { withWorkerGrants } = require('./worker.ts');

/** Applies a stage's choices (`custom.stage` of serverless.yml) to the template. Listed after the plugins that make it. */
class ApplyStageOptions {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const { provider, custom } = serverless.service;
        const template = provider.compiledCloudFormationTemplate;
        Object.assign(template, withStageOptions(withWorkerGrants(template), custom.stage));
      },
    };
  }
}

module.exports = ApplyStageOptions;
