import type { ArchivedMessage } from '../archive/dead-letter.ts';
import { readCloudEvent } from '../events/cloud-event.ts';
import { readEnvelope } from '../events/envelope.ts';
import { idFault } from '../events/identity.ts';
import type { Properties } from '../events/message.ts';
import { kindOf, type Kind } from './check-body.ts';

interface EditedKind {
  /** The type and version of the event against whose schema the edited body is validated. */
  readonly checked: Kind;
  /**
   * The type and version to write into the headers of the edited message. Empty if the consumer finds the type and
   * version without these headers.
   */
  readonly stated: Kind;
}

/**
 * Finds the type and version of an edited message. `given` contains the type and the version that the operator
 * requested, if any.
 */
export function editedKind(message: ArchivedMessage, body: Buffer, given: Kind): EditedKind {
  const own = withoutIdentity(message.properties);
  const decided = kindOf(message);
  const said = kindOf({ body: message.body, properties: own });
  // Only the consumer's function `identify`, which the archive does not know, gives a message a type that the message itself
  // does not say.
  const isOfIdentify = decided.type !== said.type || decided.version !== said.version;
  const found = isOfIdentify ? decided : kindOf({ body, properties: own });
  const checked = { type: given.type ?? found.type, version: given.version ?? found.version };
  const isGiven = given.type !== undefined || given.version !== undefined;
  return { checked, stated: isGiven || isOfProperties(message) ? checked : {} };
}

/**
 * Returns the AMQP properties of a message without the id, type and version that a consumer or an earlier edit added.
 * In these properties, `kindOf` finds the type and version that the publisher gave the message.
 */
function withoutIdentity(properties: Properties): Properties {
  const headers = Object.entries(properties.headers).filter(([name]) => !name.startsWith('surehop-identified-'));
  const isEdited = readEnvelope(properties.headers).editedFrom !== undefined;
  return { ...properties, ...(isEdited && { messageId: undefined }), headers: Object.fromEntries(headers) };
}

/** Whether the AMQP properties decide the type of a message, whatever `identify` or a CloudEvent in the body says. */
function isOfProperties({ body, properties }: ArchivedMessage): boolean {
  const { messageId, type, headers } = properties;
  const { schemaVersion, identity } = readEnvelope(headers);
  const hasIdAndType = Boolean(messageId) && idFault(messageId) === undefined && Boolean(type);
  const isCloudEvent = readCloudEvent({ body, properties }) !== undefined;
  return hasIdAndType && (schemaVersion !== undefined || (isCloudEvent && identity === undefined));
}
