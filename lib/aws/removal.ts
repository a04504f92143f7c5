import { setTimeout as sleep } from 'node:timers/promises';

import { awsRequest, AwsApiError, ec2Request, textsOf, type AwsAccess } from './aws-api.ts';
import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';

/** How a removal waits: until it is done, or `signal` says that the time is up. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Between two looks, in ms. */
  readonly pauseMs: number;
}

/**
 * Deletes an event source mapping and waits until Lambda has deleted its network interfaces. CloudFormation takes a mapping
 * for deleted before they are gone; Lambda then needs the function's role, which CloudFormation would have deleted next.
 */
export async function removeEventSource(access: AwsAccess, id: string, waiting: Waiting): Promise<void> {
  let mappingIs: Mapping = 'there';
  await until(waiting, async () => {
    if (mappingIs === 'there') mappingIs = await deleteMapping(access, id, waiting.signal);
    else if (mappingIs === 'going' && !(await findMapping(access, id, waiting.signal))) mappingIs = 'gone';
    const left = await networkInterfaces(access, { description: `AWS Lambda VPC ENI-armq-*-${id}*` }, waiting.signal);
    return { isDone: mappingIs === 'gone' && left.length === 0, left };
  });
}

/** Waits until Lambda has deleted the network interfaces of every function in a security group, which takes it up to 40 minutes. */
export async function functionsLeft(access: AwsAccess, securityGroup: string, waiting: Waiting): Promise<void> {
  await until(waiting, async () => {
    const filters = { description: 'AWS Lambda VPC ENI-*', 'group-id': securityGroup };
    const left = await networkInterfaces(access, filters, waiting.signal);
    return { isDone: left.length === 0, left };
  });
}

type Mapping = 'there' | 'going' | 'gone';

const pathOf = (id: string) => `/2015-03-31/event-source-mappings/${encodeURIComponent(id)}`;

async function findMapping(access: AwsAccess, id: string, signal: AbortSignal): Promise<{ State: string } | undefined> {
  try {
    const text = await awsRequest(access, 'lambda', { method: 'GET', path: pathOf(id), signal });
    return JSON.parse(text) as { State: string };
  } catch (error) {
    if (error instanceof AwsApiError && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/**
 * Deletes a mapping that is there. One that is gone is asked for, not deleted: the right to delete depends on the mapping's
 * function, which AWS cannot tell any more, so that it may refuse. As long as a mapping is being made, AWS refuses, too.
 */
async function deleteMapping(access: AwsAccess, id: string, signal: AbortSignal): Promise<Mapping> {
  const mapping = await findMapping(access, id, signal);
  if (!mapping) return 'gone';
  if (mapping.State === 'Deleting') return 'going';
  try {
    await awsRequest(access, 'lambda', { method: 'DELETE', path: pathOf(id), signal });
    return 'going';
  } catch (error) {
    if (error instanceof AwsApiError && error.code === 'ResourceInUseException') return 'there';
    throw error;
  }
}

/** The ids of the network interfaces that fit every filter, where `*` stands for anything. */
async function networkInterfaces(
  access: AwsAccess,
  filters: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string[]> {
  const parameters = Object.entries(filters).flatMap(([name, value], index) => [
    [`Filter.${index + 1}.Name`, name],
    [`Filter.${index + 1}.Value.1`, value],
  ]);
  const xml = await ec2Request(access, 'DescribeNetworkInterfaces', Object.fromEntries(parameters), signal);
  return textsOf(xml, 'networkInterfaceId');
}

/** AWS does not let the role ask: asking again would not help. */
const isRefusal = (error: unknown) => error instanceof AwsApiError && /Denied|Unauthorized|Forbidden/.test(error.code);

/** Looks again and again. A look that fails says nothing, the next may not; only a missing permission ends it. */
async function until(
  { signal, pauseMs }: Waiting,
  look: () => Promise<{ readonly isDone: boolean; readonly left: readonly string[] }>,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const { isDone, left } = await look();
      if (isDone) return;
      log().info('waiting for network interfaces to be deleted', { left });
    } catch (error) {
      signal.throwIfAborted();
      if (isRefusal(error)) throw error;
      log().warn('network interfaces unknown', { error: describeError(error).message });
    }
    // An abort ends the pause; the next turn throws its reason, which says more than the pause's own error.
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}
