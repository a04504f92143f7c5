import { useId } from 'preact/hooks';

import { useConsole } from '../context.ts';

interface ReasonFieldProps {
  readonly value: string;
  readonly onChange: (reason: string) => void;
  readonly autofocus?: boolean;
}

/** The field for the reason of an action, which the audit record contains. */
export function ReasonField({ value, onChange, autofocus }: ReasonFieldProps) {
  const { texts } = useConsole();
  const id = useId();
  return (
    <>
      <label for={id}>
        {texts.reason} <small>{texts.reasonHint}</small>
      </label>
      <input
        id={id}
        required
        autofocus={autofocus}
        maxLength={500}
        autocomplete="off"
        placeholder={texts.reasonExample}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </>
  );
}
