import { expect, test } from '@jest/globals';
import { parseDependencies } from '../../../infra/dev/runtime/broker/apt.ts';

test('parseDependencies returns the first real package among alternative dependencies, and no packages that provide a virtual package', () => {
  const answer = `rabbitmq-server
  PreDepends: adduser
 |Depends: erlang-base
  Depends: <erlang-base-hipe>
  Depends: erlang-crypto
 |Depends: <default-logrotate>
  Depends: logrotate
  Depends: <python3:any>
    python3
erlang-base
 |Depends: libsystemd0
  Depends: libelogind0
  Depends: libtinfo6
  Recommends: erlang-doc
`;
  expect(parseDependencies(answer)).toEqual([
    'adduser',
    'erlang-base',
    'erlang-crypto',
    'logrotate',
    'libsystemd0',
    'libtinfo6',
  ]);
});
