import { createHash } from 'node:crypto';

import { pascalCase, ref, type Resource, type Resources } from '../template.ts';
import type { Stage } from '../../stages/stage.ts';

const severities = ['critical', 'warning'] as const;

/** Returns the logical id of the SNS topic for alarms of one severity. */
export const topicId = (severity: (typeof severities)[number]): string => `${pascalCase(severity)}Topic`;

/**
 * Returns the logical id of the subscription for an email address. The id does not depend on the position of the
 * address in the list.
 */
const subscriptionId = (topic: string, address: string): string =>
  `${topic}Email${createHash('sha256').update(address).digest('hex').slice(0, 8)}`;

/**
 * Returns one SNS topic for each severity of alarms. Each topic has a subscription for every email address that the stage lists
 * for this severity.
 */
export const topics = (serviceName: string, { alarms: { emails } }: Pick<Stage, 'alarms'>): Resources =>
  Object.fromEntries(
    severities.flatMap((severity): [string, Resource][] => [
      [topicId(severity), { Type: 'AWS::SNS::Topic', Properties: { DisplayName: `${serviceName} ${severity}` } }],
      ...emails[severity].map((address): [string, Resource] => [
        subscriptionId(topicId(severity), address),
        {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: ref(topicId(severity)), Protocol: 'email', Endpoint: address },
        },
      ]),
    ]),
  );
