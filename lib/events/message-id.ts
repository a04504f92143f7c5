import { v5 } from 'uuid';

/** The identity of a message, which is the same for every copy, redelivery and retry of it. */
export type MessageId = string & { readonly brand: 'MessageId' };

/** The UUIDv5 namespace of all ids that Surehop derives. */
const NAMESPACE = '77b3d662-0974-5ea7-845a-390ff2b197af';

/** Derives an id from parts: the same parts always give the same id, different parts give different ids (UUIDv5, RFC 9562). */
export function deriveId(...parts: string[]): MessageId {
  return v5(JSON.stringify(parts), NAMESPACE) as MessageId;
}
