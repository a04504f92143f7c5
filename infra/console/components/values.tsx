import { useConsole } from '../context.ts';
import { Plain } from './plain.tsx';
import { Empty } from './states.tsx';

interface ValuesProps {
  readonly title: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A table of headers or properties. */
export function Values({ title, values }: ValuesProps) {
  const { texts } = useConsole();
  const shown = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return (
    <details class="values" open={shown.length <= 12}>
      <summary>
        <h2>
          {title} <small>{shown.length}</small>
        </h2>
      </summary>
      {shown.length === 0 ? (
        <Empty>{texts.none}</Empty>
      ) : (
        <table>
          <tbody>
            {shown.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">
                  <Plain text={name} />
                </th>
                <td>
                  <code>
                    <Plain text={shortened(typeof value === 'string' ? value : JSON.stringify(value))} />
                  </code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

const shortened = (text: string) => (text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text);
