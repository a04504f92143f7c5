import type { ConsumerDefinition } from '../consumer/consumer.ts';
import type { Rule, RuleContext } from '../message/rule.ts';
import type { Decision } from '../inbox/decision.ts';
import { describeError, isInstance } from '../runtime/errors.ts';
import { nameOf, ownFramesOf } from '../runtime/stack.ts';
import { describeDecision } from './describe.ts';
import type { History } from './history.ts';

export class CrashedError extends Error {
  override readonly name = 'CrashedError';

  constructor() {
    super('the process has crashed');
  }
}

export type Around = (
  run: (context?: RuleContext) => Decision | Promise<Decision | void>,
  about: { readonly context: RuleContext; readonly isPerformed: boolean },
) => Decision | Promise<Decision | void>;

export function aroundRules<D extends ConsumerDefinition<any>>(definition: D, around: Around): D {
  const wrap = (rule: Rule): Rule => {
    const { event } = rule;
    if (rule.perform !== undefined) {
      const { perform } = rule;
      return {
        event,
        perform: async (data, context) =>
          around((given = context) => perform(data, given), { context, isPerformed: true }),
      };
    }
    const { decide } = rule;
    return {
      event,
      decide: (data, context) =>
        around((given = context) => decide(data, given), { context, isPerformed: false }) as
          Decision | Promise<Decision>,
    };
  };
  return 'rules' in definition
    ? { ...definition, rules: definition.rules.map(wrap) }
    : { ...definition, ...wrap(definition) };
}

export function recorded(
  run: () => Decision | Promise<Decision | void>,
  history: History,
): Decision | Promise<Decision | void> {
  const decided = (decision: Decision | void) => {
    history.detail(describeReturned(decision));
    return decision;
  };
  const thrown = (error: unknown): never => {
    if (isInstance(error, CrashedError)) throw error;
    const { code, message } = describeError(error);
    const [frame] = ownFramesOf(error);
    history.detail(
      `the rule throws ${code === 'UNKNOWN_ERROR' ? nameOf(error) : code}: ${message}${frame === undefined ? '' : ` (${frame})`}`,
    );
    throw error;
  };
  let returned: Decision | Promise<Decision | void>;
  try {
    returned = run();
  } catch (error) {
    return thrown(error);
  }
  if (typeof returned === 'object' && returned !== null && 'then' in returned) return returned.then(decided, thrown);
  return decided(returned) as Decision;
}

function describeReturned(decision: Decision | void): string {
  try {
    return isDecision(decision) ? describeDecision(decision) : 'the rule returns no decision';
  } catch {
    return 'the rule returns an invalid decision';
  }
}

const isDecision = (decision: Decision | void | null): decision is Decision =>
  typeof decision === 'object' && decision !== null && Array.isArray(decision.effects);
