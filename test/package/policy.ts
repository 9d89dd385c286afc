import { deployed, type Template } from './template.ts';

/** One statement of a role: every action on every resource is allowed. Patterns have `*` for any text. */
export interface Grant {
  actions: string[];
  resources: string[];
}

/** What somebody did: one action on one resource. */
export interface Act {
  action: string;
  resource: string;
}

/** All that a role allows; throws for what these tests do not weigh (conditions, denials, managed policies). */
export function grantsOf(template: Template, roleId: string): Grant[] {
  const { Properties } = template.Resources[roleId];
  const managed = (Properties['ManagedPolicyArns'] as unknown[] | undefined) ?? [];
  if (managed.length > 0) throw new Error(`${roleId} has managed policies, of which nothing is known here`);
  return (Properties['Policies'] as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(({ PolicyDocument }) =>
    PolicyDocument.Statement.map(({ Effect, Action, Resource, ...others }) => {
      if (Effect !== 'Allow' || Object.keys(others).length > 0) {
        throw new Error(`${roleId} has a statement with ${Object.keys(others)} and effect ${Effect}`);
      }
      return { actions: [Action].flat(), resources: [Resource].flat().map(deployed) };
    }),
  );
}

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
}

export function allows(grant: Grant, act: Act): boolean {
  return grant.actions.includes(act.action) && grant.resources.some((pattern) => matches(pattern, act.resource));
}

function matches(pattern: string, resource: string): boolean {
  const expression = pattern.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${expression.join('.*')}$`, 's').test(resource);
}
