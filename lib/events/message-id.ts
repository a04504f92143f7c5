import { v5 } from 'uuid';

/** Identity of a message: the same over every copy, redelivery and retry. */
export type MessageId = string & { readonly brand: 'MessageId' };

/** The UUIDv5 namespace of every id that Surehop derives. */
const NAMESPACE = '77b3d662-0974-5ea7-845a-390ff2b197af';

/** The same parts always give the same id (UUIDv5, RFC 9562); no two different lists of parts give the same one. */
export function deriveId(...parts: string[]): MessageId {
  return v5(JSON.stringify(parts), NAMESPACE) as MessageId;
}
