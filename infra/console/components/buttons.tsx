import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { useConsole } from '../context.ts';

interface ActionProps {
  readonly scope: string;
  /** Absent if the button only submits its form. */
  readonly onClick?: () => void;
  readonly children: ComponentChildren;
  readonly kind?: 'primary' | 'danger';
  readonly disabled?: boolean;
  /** The name of the button for screen readers, if the visible text does not suffice. */
  readonly label?: string;
}

/** A button for an action that needs a scope. If the token lacks the scope, the button says so and does nothing. */
export function ActionButton({ scope, onClick, children, kind, disabled, label }: ActionProps) {
  const { texts, has } = useConsole();
  const isAllowed = has(scope);
  return (
    <button
      type={onClick ? 'button' : 'submit'}
      class={kind}
      disabled={disabled}
      aria-disabled={!isAllowed}
      aria-label={label && (isAllowed ? label : `${label} – ${texts.needsScope(scope)}`)}
      title={isAllowed ? undefined : texts.needsScope(scope)}
      onClick={(event) => (isAllowed ? onClick?.() : event.preventDefault())}
    >
      {children}
      {!isAllowed && <small class="needs"> {texts.needsScope(scope)}</small>}
    </button>
  );
}

export function CopyButton({ text, label }: { readonly text: string; readonly label?: string }) {
  const { texts } = useConsole();
  const [isCopied, setCopied] = useState(false);
  async function copy() {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }
  return (
    <button type="button" class="small" aria-label={isCopied ? undefined : label} onClick={() => void copy()}>
      {isCopied ? texts.copied : texts.copy}
    </button>
  );
}
