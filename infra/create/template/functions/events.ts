import { orderPlaced } from './orders/events.ts';

/** The events of this service. */
export const events = [
  // The archive uses the schemas of these events to show which fields of a dead letter are wrong.
  orderPlaced,
];
