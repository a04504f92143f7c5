import { afterEach, expect, test } from '@jest/globals';

afterEach(() => {
  delete process.env['MAX_STOCK'];
});

test('the function put-stock does not start with a wrong value of MAX_STOCK, and the error names the setting', async () => {
  process.env['MAX_STOCK'] = '0';
  await expect(import('../../../functions/orders/put-stock.ts')).rejects.toThrow(
    'wrong setting: MAX_STOCK is "0": it must be a whole number from 1 to 1000000000',
  );
});
