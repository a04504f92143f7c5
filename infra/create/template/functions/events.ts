import { orderPlaced } from './orders/events.ts';

/** Every event of this service. Operators see which fields of a dead letter do not match the schema of its event. */
export const events = [orderPlaced];
