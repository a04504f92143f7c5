import { setTimeout as sleep } from 'node:timers/promises';

import { awsRequest, AwsApiError, ec2Request, textsOf, type AwsAccess } from './aws-api.ts';
import { log } from '../runtime/log.ts';
import { errorFields } from '../runtime/stack.ts';

export interface Waiting {
  readonly signal: AbortSignal;
  /** How long to wait before checking again whether network interfaces still exist, in ms. */
  readonly pauseMs: number;
}

/**
 * Deletes an event source mapping, and waits until Lambda has deleted the mapping's network interfaces. Until then,
 * Lambda needs the role of the mapping's function.
 */
export async function removeEventSource(access: AwsAccess, id: string, waiting: Waiting): Promise<void> {
  let mapping: MappingState = 'present';
  await until(waiting, async () => {
    if (mapping === 'present') mapping = await deleteMapping(access, id, waiting.signal);
    else if (mapping === 'deleting' && !(await findMapping(access, id, waiting.signal))) mapping = 'deleted';
    const left = await networkInterfaces(access, { description: `AWS Lambda VPC ENI-armq-*-${id}*` }, waiting.signal);
    return { isDone: mapping === 'deleted' && left.length === 0, left };
  });
}

/**
 * Waits until Lambda has deleted the network interfaces of all functions in a security group, which may take up to 40
 * minutes.
 */
export async function waitForFunctionInterfaces(
  access: AwsAccess,
  securityGroup: string,
  waiting: Waiting,
): Promise<void> {
  await until(waiting, async () => {
    const filters = { description: 'AWS Lambda VPC ENI-*', 'group-id': securityGroup };
    const left = await networkInterfaces(access, filters, waiting.signal);
    return { isDone: left.length === 0, left };
  });
}

type MappingState = 'present' | 'deleting' | 'deleted';

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
 * Tries to start the deletion of an event source mapping, and returns the state of the mapping. `present` means that
 * Lambda is still creating or updating the mapping, so the caller must try again.
 */
async function deleteMapping(access: AwsAccess, id: string, signal: AbortSignal): Promise<MappingState> {
  const mapping = await findMapping(access, id, signal);
  if (!mapping) return 'deleted';
  if (mapping.State === 'Deleting') return 'deleting';
  try {
    await awsRequest(access, 'lambda', { method: 'DELETE', path: pathOf(id), signal });
    return 'deleting';
  } catch (error) {
    if (error instanceof AwsApiError && error.code === 'ResourceInUseException') return 'present';
    throw error;
  }
}

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

const isDenied = (error: unknown) => error instanceof AwsApiError && /Denied|Unauthorized|Forbidden/.test(error.code);

async function until(
  { signal, pauseMs }: Waiting,
  check: () => Promise<{ readonly isDone: boolean; readonly left: readonly string[] }>,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const { isDone, left } = await check();
      if (isDone) return;
      log().info('waiting until AWS has deleted the network interfaces', { left });
    } catch (error) {
      signal.throwIfAborted();
      if (isDenied(error)) throw error;
      log().warn('cannot list the network interfaces of the function; trying again', errorFields(error));
    }
    // The pause may be aborted. The next iteration then throws the reason of the signal, which is more helpful than the
    // error of the pause.
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}
