import type { Templates } from '../../infra/aws/changes/templates.ts';
import type { Resource, Template } from '../../infra/aws/template.ts';

/** Names that may never change once a stage is deployed, with `<stage>` where the stage's own stands. */
interface FixedNames {
  readonly exports: readonly string[];
  /** Type, and name in the account where the template gives one, by logical id. */
  readonly broker: Readonly<Record<string, string>>;
  readonly functions: Readonly<Record<string, string>>;
}

/** Resources that CloudFormation may make anew under another id without anybody's notice, and those whose id tells their content. */
const REPLACEABLE = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Version',
]);

/** The properties that hold the name of a resource in the account. */
const NAMES = ['BrokerName', 'TableName', 'FunctionName', 'LogGroupName', 'UserPoolName', 'Domain', 'Name'];

/** The names in the templates of some stages; a resource that only some of them have is among them too. */
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
  // The function of a mapping or an alias is a reference, and a queue is what tells one mapping from another.
  const names = [...NAMES.map((name) => Properties[name]), ...[Properties['Queues'] ?? []].flat()];
  return [Type, ...names.filter((name) => typeof name === 'string')].join(' ');
}

/** A broker's configuration is named after the version of the engine, which is a setting. */
const withoutStage = (text: string, stage: string): string =>
  text.replaceAll(new RegExp(`\\b${stage}\\b`, 'g'), '<stage>').replace(/-rabbitmq-[\d.]+$/, '-rabbitmq-<version>');
