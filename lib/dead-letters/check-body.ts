import type { core } from 'zod';

import { readCloudEvent } from '../events/cloud-event.ts';
import type { EventDefinition } from '../events/define.ts';
import { readEnvelope } from '../events/envelope.ts';
import { pointer } from '../http/validate.ts';
import type { ArchivedMessage } from '../archive/dead-letter.ts';
import { describeError } from '../runtime/errors.ts';
import { readJson } from '../runtime/json.ts';
import { identityOf } from '../message/identify.ts';

/** A part of a message body that does not match the schema of the event. */
interface BodyFault {
  /** The JSON pointer (RFC 6901) of the wrong field in the body. The pointer is empty if the whole body is wrong. */
  readonly path: string;
  readonly message: string;
}

export interface BodyCheck {
  /**
   * The event whose schema the body was checked against. Absent if no event of the service has the type and version of
   * the message.
   */
  readonly event?: EventDefinition<unknown>;
  readonly data?: unknown;
  readonly faults: readonly BodyFault[];
}

export interface Kind {
  readonly type?: string;
  readonly version?: number;
}

const MAX_FAULTS = 100;

/** Returns the type and version of a message. Consumers use both to select the business rule for the message. */
export function kindOf({ body, properties }: ArchivedMessage): Kind {
  const envelope = readEnvelope(properties.headers);
  const cloudEvent = readCloudEvent({ body, properties });
  const { identity } = identityOf({ body, properties, envelope }, cloudEvent, undefined);
  return {
    type: identity?.type ?? (typeof properties.type === 'string' ? properties.type : undefined),
    version: identity?.version ?? envelope.schemaVersion,
  };
}

/** Checks the body of a message against the schema of the event, as the consumer of the message does. */
export function checkBody(
  message: ArchivedMessage,
  { type, version }: Kind,
  events: readonly EventDefinition<unknown>[],
): BodyCheck {
  const event = events
    .filter((one) => one.type === type && one.version === (version ?? one.version))
    .toSorted((one, other) => other.version - one.version)[0];
  if (!event) return { faults: [] };
  const cloudEvent = readCloudEvent(message);
  const json = cloudEvent?.data ?? readJson(message.body, 'the body');
  if ('fault' in json) return { event, faults: [{ path: '', message: json.fault }] };
  // The data of a CloudEvent in structured mode are a member of the body.
  const within = cloudEvent?.data ? ['data'] : [];
  try {
    const { success, data, error } = event.schema.safeParse(json.value);
    if (success) return { event, data, faults: [] };
    return { event, faults: error.issues.flatMap((issue) => faultsOf(issue, within)).slice(0, MAX_FAULTS) };
  } catch (error) {
    return { event, faults: [{ path: '', message: `parsing the body failed: ${describeError(error).message}` }] };
  }
}

/**
 * Converts a validation issue that Zod reported into faults of the body. An issue about unknown fields becomes one
 * fault for each field. Any other issue becomes one fault.
 */
const faultsOf = (issue: core.$ZodIssue, within: readonly PropertyKey[]): BodyFault[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: pointer([...within, ...issue.path, key]), message: 'unknown field' }))
    : [{ path: pointer([...within, ...issue.path]), message: issue.message }];
