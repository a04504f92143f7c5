import { orderPlaced } from './orders/events.ts';

/**
 * Every event of this service. The archive uses the schemas of these events to show which fields of a dead letter are
 * wrong.
 */
export const events = [orderPlaced];
