import { useConsole } from '../context.ts';
import { curlOf, type ApiRequest } from '../curl.ts';
import { CopyButton } from './buttons.tsx';
import { Plain } from './plain.tsx';

/** Shows the shell command that sends the same request. */
export function Curl({ request, label }: { readonly request: ApiRequest; readonly label?: string }) {
  const { texts } = useConsole();
  const command = curlOf(location.origin, request);
  return (
    <details class="curl">
      <summary>{label ?? texts.sameRequest}</summary>
      <pre tabIndex={0}>
        <Plain text={command} />
      </pre>
      <CopyButton text={command} label={texts.copyCommand} />
    </details>
  );
}
