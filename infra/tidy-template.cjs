/**
 * Takes out of the template what its makers leave there for nobody: the role that functions would share if they had none
 * of their own, and what a function depends on besides, though its role says so already. Listed after the plugins that
 * make them.
 */
class TidyTemplate {
  constructor(serverless) {
    this.hooks = {
      'before:package:finalize': () => tidy(serverless.service.provider.compiledCloudFormationTemplate.Resources),
    };
  }
}

const SHARED_ROLE = 'IamRoleLambdaExecution';

function tidy(resources) {
  delete resources[SHARED_ROLE];
  for (const { Type, Properties, DependsOn } of Object.values(resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const role = Properties.Role['Fn::GetAtt'][0];
    if (role === SHARED_ROLE) throw new Error(`${Properties.FunctionName} has no role of its own`);
    DependsOn.splice(0, DependsOn.length, ...DependsOn.filter((name) => name !== role));
  }
}

module.exports = TidyTemplate;
