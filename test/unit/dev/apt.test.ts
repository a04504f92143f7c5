import { expect, test } from '@jest/globals';
import { parseDependencies } from '../../../infra/dev/runtime/broker/apt.mjs';

test('if a package depends on one of several alternatives, parseDependencies returns the first alternative that is not a virtual package', () => {
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
