import { v5 } from 'uuid';

/** The id of a message. All copies, redeliveries and retries of a message have the same id. */
export type MessageId = string & { readonly brand: 'MessageId' };

/** The UUIDv5 namespace of all ids that Surehop derives from other ids. */
const NAMESPACE = '77b3d662-0974-5ea7-845a-390ff2b197af';

/**
 * Derives an id from several texts (UUIDv5, RFC 9562). The same texts always give the same id, and different texts give
 * different ids.
 */
export function deriveId(...parts: string[]): MessageId {
  return v5(JSON.stringify(parts), NAMESPACE) as MessageId;
}
