import { imported } from '../foundation/exports.ts';
import { SCOPE_PREFIX } from '../foundation/operators.ts';
import type { Stage } from '../../stages/stage.ts';
import type { Value } from '../template.ts';

/**
 * Returns a value with which API Gateway verifies operators' tokens. If `what` is `issuer` or `audience`, returns the
 * issuer or the audience. Otherwise, returns the full name of the scope `what`.
 */
export function operatorsValue(what: string, stageName: string, { operators }: Pick<Stage, 'operators'>): Value {
  const isCognito = operators === 'cognito' && stageName !== 'local';
  if (what !== 'issuer' && what !== 'audience') return isCognito ? SCOPE_PREFIX + what : what;
  if (isCognito) return imported(stageName, what === 'issuer' ? 'operators-issuer' : 'operators-client');
  if (operators === 'cognito') return what === 'issuer' ? 'http://localhost' : 'local';
  return operators[what];
}
