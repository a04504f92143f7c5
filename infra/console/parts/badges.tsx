import { useConsole } from '../context.ts';
import { Plain } from './plain.tsx';

export function QueueBadge({ queue }: { readonly queue: string | undefined }) {
  const { texts } = useConsole();
  return (
    <span class="badge">
      <Plain text={queue ?? texts.unknownQueue} />
    </span>
  );
}

/** The error code of a failed message or of a failed attempt. */
export function CodeBadge({ code }: { readonly code: string }) {
  return (
    <span class="badge bad">
      <Plain text={code} />
    </span>
  );
}

interface ErrorTextProps {
  readonly error: { readonly code: string; readonly message: string };
}

export function ErrorText({ error: { code, message } }: ErrorTextProps) {
  return (
    <>
      <CodeBadge code={code} /> <Plain text={message} />
    </>
  );
}
