export { eventPublisher } from './event-publisher.ts';
export { lazyPublisher } from './lazy-publisher.ts';
