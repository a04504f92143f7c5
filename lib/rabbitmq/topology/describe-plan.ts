import { describeBinding } from './binding.ts';
import type { Step } from './plan.ts';
import type { BrokerPolicy } from './policy.ts';

/** A step as a line of a diff: + is made, ~ changed, - taken away, ! refused; the rest is left as it is. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case 'create-exchange':
      return `+ exchange ${step.exchange.name} (${step.exchange.type})${settings(step.exchange.arguments ?? {})}`;
    case 'create-queue':
      return `+ queue ${step.queue.name}${settings(step.queue.arguments)}`;
    case 'set-policy':
      return step.was
        ? `~ policy ${step.policy.name}: ${changes(step.was, step.policy)}`
        : `+ policy ${step.policy.name} (priority ${step.policy.priority}) on ${step.policy.pattern}${settings(step.policy.definition)}`;
    case 'bind':
      return `+ ${describeBinding(step.binding)}`;
    case 'unbind':
      return `- ${describeBinding(step.binding)}`;
    case 'keep':
      return `  ${step.what}`;
    case 'refuse':
      return `! ${step.reason}`;
  }
}

const settings = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}=${shown(value)}`)
    .join('');

function changes(was: BrokerPolicy, now: BrokerPolicy): string {
  const flat = ({ definition, pattern, priority, 'apply-to': applyTo }: BrokerPolicy): Record<string, unknown> => ({
    pattern,
    priority,
    'apply-to': applyTo,
    ...definition,
  });
  const [before, after] = [flat(was), flat(now)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .map((name) => `${name} ${shown(before[name])} → ${shown(after[name])}`)
    .join(', ');
}

const shown = (value: unknown) =>
  typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? 'none');
