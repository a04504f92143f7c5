import { changedSettings, settingsOf } from './by-version.ts';
import { shown, type BrokerChange, type Difference } from './difference.ts';
import { describeBinding } from './topology.ts';

/**
 * Formats a difference between the broker and the topology as one line of a plan. The line starts with `+` (create),
 * `~` (change), `-` (remove), or `!` (an operator has to act).
 */
export function planLine({ subject, problem, fix }: Difference): string {
  switch (fix.by) {
    case 'apply':
      return changeLine(fix.change);
    case 'operator':
      return `! ${subject} ${problem}. ${fix.instruction}`;
    case 'nobody':
      return `  ${subject} ${problem}`;
  }
}

/** Formats a difference between the broker and the topology as a sentence of an error message. */
export const faultLine = ({ subject, problem, fix }: Difference): string =>
  `${subject} ${problem}. ${fix.by === 'operator' ? fix.instruction : 'Apply the topology'}`;

function changeLine(change: BrokerChange): string {
  switch (change.do) {
    case 'create-exchange':
      return `+ exchange ${change.exchange.name} (${change.exchange.type})${settings(change.exchange.arguments ?? {})}`;
    case 'create-queue':
      return `+ queue ${change.queue.name}${settings(change.queue.arguments)}`;
    case 'set-policy': {
      const { policy, was } = change;
      if (!was)
        return `+ policy ${policy.name} (priority ${policy.priority}) on ${policy.pattern}${settings(policy.definition)}`;
      const [before, after] = [settingsOf(was), settingsOf(policy)];
      const changes = changedSettings(was, policy).map(
        (name) => `${name} ${shown(before[name])} → ${shown(after[name])}`,
      );
      return `~ policy ${policy.name}: ${changes.join(', ')}`;
    }
    case 'remove-policy':
      return `- policy ${change.name}`;
    case 'bind':
      return `+ ${describeBinding(change.binding)}`;
    case 'unbind':
      return `- ${describeBinding(change.binding)}`;
  }
}

const settings = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}=${shown(value)}`)
    .join('');
