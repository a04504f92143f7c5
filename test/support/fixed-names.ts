import type { Templates } from '../../infra/aws/changes/templates.ts';
import type { Resource, Template } from '../../infra/aws/template.ts';

/**
 * Names in the CloudFormation templates that must not change after the first deployment, with `<stage>` in place of the
 * stage's name.
 */
interface FixedNames {
  readonly exports: readonly string[];
  /**
   * Maps the logical id of each resource in the broker stack to the resource's type and, if the template sets one, its
   * name.
   */
  readonly broker: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * The resource types whose logical ids may change between deployments, because replacing such a resource does not
 * affect users.
 */
const REPLACEABLE = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Version',
]);

/** The CloudFormation properties that contain the name of a resource. */
const NAMES = ['BrokerName', 'TableName', 'FunctionName', 'LogGroupName', 'UserPoolName', 'Domain', 'Name'];

export function fixedNames(stages: Readonly<Record<string, Templates>>): FixedNames {
  const of = (stack: keyof Templates) => {
    const found = Object.entries(stages).flatMap(([stage, templates]) => resourcesOf(templates[stack], stage));
    return Object.fromEntries(found.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  };
  const exports = Object.entries(stages).flatMap(([stage, templates]) =>
    Object.values(templates).flatMap(({ Outputs = {} }: Template) =>
      Object.values(Outputs).flatMap((output) => {
        const { Export: exported } = output as { Export?: { Name: unknown } };
        return typeof exported?.Name === 'string' ? [withoutStage(exported.Name, stage)] : [];
      }),
    ),
  );
  return { exports: [...new Set(exports)].toSorted(), broker: of('broker'), functions: of('functions') };
}

const resourcesOf = ({ Resources }: Template, stage: string): [string, string][] =>
  Object.entries(Resources)
    .filter(([, { Type }]) => !REPLACEABLE.has(Type))
    .map(([id, resource]) => [id, withoutStage(nameOf(resource), stage)]);

function nameOf({ Type, Properties = {} }: Resource): string {
  // An event source mapping has no name, and its function is a reference. Its queue distinguishes it from other
  // mappings.
  const names = [...NAMES.map((name) => Properties[name]), ...[Properties['Queues'] ?? []].flat()];
  return [Type, ...names.filter((name) => typeof name === 'string')].join(' ');
}

/** Replaces the name of the stage in a text by `<stage>`, and the version of a broker configuration by `<version>`. */
const withoutStage = (text: string, stage: string): string =>
  text.replaceAll(new RegExp(`\\b${stage}\\b`, 'g'), '<stage>').replace(/-rabbitmq-[\d.]+$/, '-rabbitmq-<version>');
