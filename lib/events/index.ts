export { defineEvent, type EventDefinition, type Payload } from './define.ts';
export { deriveId, type MessageId } from './message-id.ts';
export { eventPublisher, type EventOptions, type PublishEvent, type Publisher } from './publish.ts';
