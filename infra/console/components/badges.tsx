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

/** The error code of a failed message or of a failed attempt. The tooltip says what the code means. */
export function CodeBadge({ code }: { readonly code: string }) {
  const { texts } = useConsole();
  return (
    <span class="badge bad" title={texts.codes[code as keyof typeof texts.codes]?.meaning}>
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
