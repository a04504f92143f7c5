import { pascalCase, ref, type Resource, type Resources } from '../packaging/template.ts';
import type { Stage } from '../stages/stage.ts';

const severities = ['critical', 'warning'] as const;

/** The logical id of the topic that takes the alarms of one severity. */
export const topicId = (severity: (typeof severities)[number]): string => `${pascalCase(severity)}Topic`;

/** One topic per severity, and a subscription per address of the stage. */
export const topics = ({ alarms: { emails } }: Pick<Stage, 'alarms'>): Resources =>
  Object.fromEntries(
    severities.flatMap((severity): [string, Resource][] => [
      [topicId(severity), { Type: 'AWS::SNS::Topic', Properties: { DisplayName: `Surehop ${severity}` } }],
      ...emails[severity].map((address, index): [string, Resource] => [
        `${topicId(severity)}Email${index + 1}`,
        {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: ref(topicId(severity)), Protocol: 'email', Endpoint: address },
        },
      ]),
    ]),
  );
