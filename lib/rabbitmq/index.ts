export { lazyPublisher } from './lazy-publisher.ts';
export { probeBroker } from './broker.ts';
