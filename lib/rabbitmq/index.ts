export { lazyPublisher } from './lazy-publisher.ts';
