export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/**
 * Returns the shell command with which curl sends a request of the console. The command reads the operator's token from
 * the variable `TOKEN`.
 */
export function curlOf(origin: string, { method, path, body }: ApiRequest): string {
  const parts = [
    `curl -sS${method === 'GET' ? '' : ` -X ${method}`} ${quoted(origin + path)}`,
    '-H "authorization: Bearer $TOKEN"',
    ...(body ? ["-H 'content-type: application/json'", `-d ${quoted(JSON.stringify(body))}`] : []),
  ];
  return parts.join(' \\\n  ');
}

/** Quotes a text so that a POSIX shell does not expand anything in the text. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
