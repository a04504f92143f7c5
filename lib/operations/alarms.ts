import * as z from 'zod';

import { accessIn, awsRequest, type AwsAccess } from '../aws/aws-api.ts';
import { ok, type Answer } from '../http/answer.ts';
import { Problem } from '../http/problem.ts';
import { DEVELOPMENT_STAGE, serviceSettings } from '../runtime/service-settings.ts';
import { SettingsError } from '../runtime/settings.ts';
import { singleFlight } from '../runtime/single-flight.ts';
import type { Surehop } from '../runtime/surehop.ts';
import { alarmSettings } from './alarm-settings.ts';
import type { Alarm } from './alarms-route.ts';

const TIMEOUT_MS = 5_000;

/** How long the states of CloudWatch alarms are cached, in ms. CloudWatch evaluates alarms only once a minute. */
const CACHED_MS = 15_000;

/** The maximum number of result pages (up to 100 alarms each) that are read from CloudWatch for each severity. */
const MAX_PAGES = 5;

const answerSchema = z.object({
  MetricAlarms: z
    .array(
      z.object({
        AlarmName: z.string(),
        AlarmDescription: z.string().default(''),
        StateValue: z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']),
        StateReason: z.string().default(''),
        /** Seconds since the epoch. */
        StateUpdatedTimestamp: z.number(),
        StateTransitionedTimestamp: z.number().optional(),
      }),
    )
    .default([]),
  NextToken: z.string().nullish(),
});

const states = { OK: 'ok', ALARM: 'alarm', INSUFFICIENT_DATA: 'unknown' } as const;
const order = { alarm: 0, unknown: 1, ok: 2, critical: 0, warning: 1 } as const;

/** Handles `alarmsRoute`: returns the state of each alarm that notifies a topic of the stage. */
export function alarmStates(surehop: Surehop): () => Promise<Answer> {
  const { CRITICAL_TOPIC_ARN: critical, WARNING_TOPIC_ARN: warning, STAGE } = surehop.settings(alarmSettings);
  if (STAGE !== DEVELOPMENT_STAGE && !(critical && warning))
    throw new SettingsError(
      'missing setting: set CRITICAL_TOPIC_ARN and WARNING_TOPIC_ARN to the topics that alarms notify (access: { alarms: true } in serverless.yml)',
    );
  const prefix = `${surehop.settings(serviceSettings).SERVICE_NAME}-${STAGE}-`;
  const reading = singleFlight<Alarm[]>(surehop.clock);
  let cached: { readonly alarms: Alarm[]; readonly readAtMs: number } | undefined;

  async function readAlarms(severity: Alarm['severity'], topic: string, signal: AbortSignal): Promise<Alarm[]> {
    const alarms: Alarm[] = [];
    let next: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const { MetricAlarms, NextToken } = await describeAlarms(
        accessIn(surehop.environment()),
        { ActionPrefix: topic, AlarmTypes: ['MetricAlarm'], MaxRecords: 100, NextToken: next },
        signal,
      );
      for (const one of MetricAlarms)
        alarms.push({
          name: one.AlarmName.startsWith(prefix) ? one.AlarmName.slice(prefix.length) : one.AlarmName,
          severity,
          state: states[one.StateValue],
          since: new Date((one.StateTransitionedTimestamp ?? one.StateUpdatedTimestamp) * 1_000).toISOString(),
          description: one.AlarmDescription,
          reason: one.StateReason,
        });
      if (!NextToken) break;
      next = NextToken;
    }
    return alarms;
  }

  async function readAll(topics: Readonly<Record<Alarm['severity'], string>>): Promise<Alarm[]> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const read = await Promise.all([
      readAlarms('critical', topics.critical, signal),
      readAlarms('warning', topics.warning, signal),
    ]);
    return read
      .flat()
      .toSorted(
        (a, b) =>
          order[a.state] - order[b.state] || order[a.severity] - order[b.severity] || (a.name < b.name ? -1 : 1),
      );
  }

  return async () => {
    if (!critical || !warning)
      return ok({ available: false, reason: `The stage ${STAGE} has no CloudWatch, and therefore no alarms.` });
    if (!cached || surehop.clock.now() - cached.readAtMs >= CACHED_MS) {
      try {
        const alarms = await reading.run(() => readAll({ critical, warning }), TIMEOUT_MS);
        cached = { alarms, readAtMs: surehop.clock.now() };
      } catch (cause) {
        throw new Problem('alarms-unavailable', 'CloudWatch does not answer; the log says why.', { cause });
      }
    }
    return ok({ available: true, alarms: cached.alarms });
  };
}

/**
 * Sends a request to CloudWatch's API
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html).
 */
async function describeAlarms(access: AwsAccess, parameters: object, signal: AbortSignal) {
  const text = await awsRequest(access, 'monitoring', {
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'GraniteServiceVersion20100801.DescribeAlarms',
    },
    body: JSON.stringify(parameters),
    signal,
  });
  return answerSchema.parse(JSON.parse(text));
}
