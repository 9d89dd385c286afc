const { withStageOptions } = require('./stage-options.ts');

/** Applies a stage's choices (`custom.stage` of serverless.yml) to the template. Listed after the plugins that make it. */
class ApplyStageOptions {
  constructor(serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const { service } = serverless;
        const template = service.provider.compiledCloudFormationTemplate;
        template.Resources = withStageOptions(template.Resources, service.custom.stage);
        // An existing bucket is nobody's output.
        for (const [name, { Value }] of Object.entries(template.Outputs)) {
          if (Value?.Ref && !template.Resources[Value.Ref] && /Bucket$/.test(Value.Ref)) delete template.Outputs[name];
        }
      },
    };
  }
}

module.exports = ApplyStageOptions;
