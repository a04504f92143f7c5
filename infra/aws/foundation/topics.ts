import { createHash } from 'node:crypto';

import { pascalCase, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

const severities = ['critical', 'warning'] as const;

/** The logical id of the topic that takes the alarms of one severity. */
export const topicId = (severity: (typeof severities)[number]): string => `${pascalCase(severity)}Topic`;

/**
 * The logical id of an address's subscription. It follows from the address, not from its place in the list: a subscription
 * whose address changes is a new one, and CloudFormation would delete that of the next address in the list with the old one.
 */
const subscriptionId = (topic: string, address: string): string =>
  `${topic}Email${createHash('sha256').update(address).digest('hex').slice(0, 8)}`;

/** One topic per severity, and a subscription per address of the stage. */
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
