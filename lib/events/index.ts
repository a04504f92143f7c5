export { defineEvent, type EventDefinition, type Payload } from './define.ts';
export { deriveId, type MessageId } from './message-id.ts';
export type { EventOptions, PublishEvent, Publisher } from './publish.ts';
