import { useRef } from 'preact/hooks';

import type { Failure } from '../api.ts';

/** The reasons for which the service refuses an action unless the request contains `force`. */
const FORCEABLE = ['already-redriven', 'too-old', 'unwritable'] as const;

type Forceable = (typeof FORCEABLE)[number];

interface ForceFieldProps {
  /** What a forced action does, by the reason for which the service refuses the action. */
  readonly texts: Readonly<Partial<Record<Forceable, string>>>;
  /** The reasons for which the service has refused the action, or would skip messages. */
  readonly reasons: readonly string[];
  readonly checked: boolean;
  readonly onChange: (isForced: boolean) => void;
}

/** Offers to force an action after the service has refused the action for a reason that `force` overrules. */
export function ForceField({ texts, reasons, checked, onChange }: ForceFieldProps) {
  // The service names no reason for a forced action, and the field must not disappear when the operator checks it.
  const named = useRef(new Set<Forceable>());
  for (const reason of FORCEABLE) if (texts[reason] && reasons.includes(reason)) named.current.add(reason);
  if (named.current.size === 0) return null;
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{Array.from(named.current, (reason) => texts[reason]).join(' ')}</span>
    </label>
  );
}

/** The reason for which the service refused a request, as a list for `ForceField`. */
export const refusalReasons = (answer: Failure | object | undefined): readonly string[] =>
  answer && 'kind' in answer && answer.kind === 'problem' ? [answer.problem] : [];
