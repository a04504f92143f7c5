import { createHash } from 'node:crypto';

import { pascalCase, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

const severities = ['critical', 'warning'] as const;

/** The logical id of the topic for alarms of one severity. */
export const topicId = (severity: (typeof severities)[number]): string => `${pascalCase(severity)}Topic`;

/**
 * The logical id of an address's subscription. The id is derived from the address and not from its position in the list, because
 * CloudFormation would otherwise move subscriptions between logical ids and then delete subscriptions that are still wanted.
 */
const subscriptionId = (topic: string, address: string): string =>
  `${topic}Email${createHash('sha256').update(address).digest('hex').slice(0, 8)}`;

/** One topic per severity, with one subscription per email address of the stage. */
export const topics = ({ alarms: { emails } }: Pick<Stage, 'alarms'>): Resources =>
  Object.fromEntries(
    severities.flatMap((severity): [string, Resource][] => [
      [topicId(severity), { Type: 'AWS::SNS::Topic', Properties: { DisplayName: `Surehop ${severity}` } }],
      ...emails[severity].map((address): [string, Resource] => [
        subscriptionId(topicId(severity), address),
        {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: ref(topicId(severity)), Protocol: 'email', Endpoint: address },
        },
      ]),
    ]),
  );
