import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { format, resolveConfig } from 'prettier';
import { problems, type ProblemKind, type ProblemName } from 'surehop/http';
import { attemptCodes, deadLetterCodes, errorCauses, problemGuide, publishCodes } from 'surehop/troubleshooting';

import { rootDirectory } from '../dev/runtime/directories.ts';

/** The path of the page that explains every error code, relative to the root of the repository. */
export const TROUBLESHOOTING = 'docs/guides/troubleshooting.md';

/** Returns the text of docs/guides/troubleshooting.md with newly generated explanations of the error codes. */
export async function troubleshootingPage(): Promise<string> {
  const filepath = join(rootDirectory, TROUBLESHOOTING);
  let text = await readFile(filepath, 'utf8');
  for (const [mark, generated] of [
    ['<!-- dead letters -->', sections(deadLetterCodes)],
    ['<!-- attempts -->', sections(attemptCodes)],
    ['<!-- publishes -->', sections(publishCodes)],
    ['<!-- problems -->', problemSections()],
  ] as const) {
    const [before, , after] = text.split(mark);
    text = [before, `\n\n${generated}\n\n`, after].join(mark);
  }
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

interface Explanation {
  readonly meaning: string;
  readonly cause: string;
  readonly action: string;
}

const section = (name: string, label: string, { meaning, cause, action }: Explanation) =>
  `### \`${name}\`\n\n- **${label}:** ${meaning}\n- **Cause:** ${cause}\n- **What to do:** ${action}`;

type Code = keyof typeof errorCauses;

const sections = (codes: { readonly [C in Code]?: Omit<Explanation, 'cause'> }) =>
  (Object.entries(codes) as [Code, Omit<Explanation, 'cause'>][])
    .map(([code, explanation]) => section(code, `Meaning of \`${code}\``, { ...explanation, cause: errorCauses[code] }))
    .join('\n\n');

const problemSections = () =>
  (Object.entries(problems) as [ProblemName, ProblemKind][])
    .map(([name, { status, title, retryAfterSeconds: seconds }]) => {
      const retry = seconds === undefined ? '' : `, and the response has the header \`Retry-After: ${seconds}\``;
      return section(name, 'Response', {
        meaning: `The problem \`${name}\` has the status ${status} and the title "${title}"${retry}.`,
        ...problemGuide[name],
      });
    })
    .join('\n\n');
