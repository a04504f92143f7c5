import { expect, test } from '@jest/globals';

import { orderStatusSchema } from '../../../functions/orders/order-status.ts';
import { isOpen } from '../../../infra/demo/results.ts';

test('the demo waits for an order until it is fulfilled, rejected or dead-lettered', () => {
  const statuses = [undefined, ...orderStatusSchema.shape.status.options];
  expect(statuses.filter(isOpen)).toEqual([undefined, 'publishing', 'accepted']);
});
