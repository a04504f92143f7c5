import { expect, test } from '@jest/globals';

import { customResourceType } from '../../../infra/aws/service/operations.ts';

test('the types of custom resources start with the prefix that the service declares', () => {
  expect(customResourceType('BrokerTopology', 'Shop')).toBe('Custom::ShopBrokerTopology');
  expect(customResourceType('BrokerTopology')).toBe('Custom::BrokerTopology');
});

test.each(['My Shop', 'shop::', 'x'.repeat(31)])(
  'packaging fails with the name of the setting if the prefix of custom resource types is %j',
  (prefix) => {
    expect(() => customResourceType('BrokerTopology', prefix)).toThrow(/^customResourcePrefix in infra\/service.ts is/);
  },
);
