import { identityOfCloudEvent, type CloudEvent } from '../events/cloud-event.ts';
import type { Envelope } from '../events/envelope.ts';
import { checkIdentity, idFault, type Identity } from '../events/identity.ts';
import { plainOf } from '../events/json-form.ts';
import type { Properties } from '../events/message.ts';
import type { MessageId } from '../events/message-id.ts';
import type { KnownErrorCode } from '../runtime/error-codes.ts';
import { describeError } from '../runtime/errors.ts';
import { readJson } from '../runtime/json.ts';
import { kindOf } from '../runtime/kind-of.ts';
import { shortText } from '../runtime/short-text.ts';

/** A message as the function `identify` of a consumer receives it: properties, headers and body. */
interface MessageToIdentify {
  readonly properties: Omit<Properties, 'headers'>;
  /**
   * The headers of the message as JSON values: an AMQP string or a date is a string, and an AMQP table is an object.
   */
  readonly headers: Readonly<Record<string, any>>;
  /** The JSON value of the message body, which no schema has checked yet. Undefined if the body is not JSON. */
  readonly body: any;
}

/**
 * Returns the id, type and version of a message. The id must be unique to the message, and the same at every delivery.
 * If the function returns `undefined`, the consumer identifies the message as if it had no such function.
 */
export type Identify = (
  message: MessageToIdentify,
) => { readonly id: string; readonly type?: string; readonly version?: number } | undefined;

export interface Fault {
  readonly code: KnownErrorCode;
  readonly message?: string;
  /** The error that the consumer's function `identify` threw. Absent if the function did not throw an error. */
  readonly error?: unknown;
}

export interface Identified {
  readonly id?: MessageId;
  /**
   * The id, type and version that the function `identify` or a CloudEvent gave to the message. Absent if the message id
   * is the AMQP property `message-id`.
   */
  readonly identity?: Identity;
  readonly fault?: Fault;
}

interface Unidentified {
  readonly body: Buffer;
  readonly properties: Properties;
  readonly envelope: Envelope;
}

/**
 * Determines the id, type and version of a message. docs/guides/existing-producers.md lists the possible sources of the
 * id, in order of precedence.
 */
export function identityOf(
  message: Unidentified,
  cloudEvent: CloudEvent | undefined,
  identify: Identify | undefined,
): Identified {
  const { properties, envelope } = message;
  if (envelope.identity)
    return envelope.editedFrom === undefined || envelope.identity.type !== undefined
      ? ofIdentity(envelope.identity)
      : ofEdited(message, envelope.identity.id, cloudEvent, identify);
  const messageIdFault = idFault(properties.messageId);
  const id = messageIdFault ? undefined : ((properties.messageId || undefined) as MessageId | undefined);
  const isComplete = id !== undefined && Boolean(properties.type);
  if (isComplete && envelope.schemaVersion !== undefined) return { id };
  const decided = identify && callIdentify(identify, message);
  if (decided) return decided;
  if (isComplete) return { id };
  const identity = cloudEvent && identityOfCloudEvent(cloudEvent);
  if (identity && !('fault' in identity)) return ofIdentity(identity);
  if (id !== undefined) return { id };
  if (identity) return { fault: { code: 'INVALID_CLOUDEVENT', message: cloudEventFault(cloudEvent, identity.fault) } };
  return messageIdFault === undefined ? {} : { fault: { code: 'MISSING_MESSAGE_ID', message: messageIdFault } };
}

/**
 * Identifies an edited message. The id is the one that the edit assigned to the message. The type and version are
 * determined as for any other message.
 */
function ofEdited(
  message: Unidentified,
  id: MessageId,
  cloudEvent: CloudEvent | undefined,
  identify: Identify | undefined,
): Identified {
  const decided = identify && callIdentify(identify, message);
  if (decided?.fault) return { ...ofIdentity({ id }), fault: decided.fault };
  const identity = decided?.identity ?? (cloudEvent && identityOfCloudEvent(cloudEvent));
  if (!identity) return ofIdentity({ id });
  if (!('fault' in identity)) return ofIdentity({ ...identity, id });
  const fault = { code: 'INVALID_CLOUDEVENT', message: cloudEventFault(cloudEvent!, identity.fault) } as const;
  return { ...ofIdentity({ id }), ...(!message.properties.type && { fault }) };
}

const ofIdentity = (identity: Identity): Identified => ({ id: identity.id, identity });

const cloudEventFault = ({ data, attribute }: CloudEvent, fault: string) =>
  data && 'fault' in data && attribute('specversion') === undefined ? data.fault : fault;

function callIdentify(identify: Identify, { body, properties }: Unidentified): Identified | undefined {
  const json = readJson(body, 'the body');
  const { headers, ...others } = properties;
  try {
    const given: unknown = identify({
      properties: others,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, plainOf(value)])),
      body: 'fault' in json ? undefined : json.value,
    });
    if (given === undefined) return undefined;
    if (typeof given !== 'object' || given === null)
      return failed(`identify returned ${kindOf(given)} instead of an object with an id`);
    if ('then' in given) {
      // A rejected promise that nothing handles would end the process.
      Promise.resolve(given).catch(() => {});
      return failed('identify returned a promise: it must return the identity itself');
    }
    const identity = checkIdentity(given);
    return 'fault' in identity ? failed(`the result of identify is invalid: ${identity.fault}`) : ofIdentity(identity);
  } catch (error) {
    // A function that reads the body usually throws because the body is not JSON.
    if ('fault' in json) return { fault: { code: 'MALFORMED', message: json.fault } };
    const { code, message } = describeError(error);
    return {
      fault: { code: 'IDENTIFY_FAILED', message: shortText(`identify threw ${code}: ${message}`, 2_000), error },
    };
  }
}

const failed = (message: string): Identified => ({ fault: { code: 'IDENTIFY_FAILED', message } });
