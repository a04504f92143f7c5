import type { Action } from '../action-request.ts';
import type { DeadLetterGroup } from '../api.ts';
import { CodeBadge, QueueBadge } from '../components/badges.tsx';
import { ActionButton } from '../components/buttons.tsx';
import { Plain } from '../components/plain.tsx';
import { Sparkline } from '../components/sparkline.tsx';
import { Ago } from '../components/time.tsx';
import { useConsole } from '../context.ts';
import { writeRoute } from '../route.ts';

interface GroupRowProps {
  readonly group: DeadLetterGroup;
  readonly span: { readonly from: string; readonly to: string };
  readonly query: Readonly<Record<string, string>>;
  readonly onAction: ((action: Action) => void) | undefined;
}

/** The dead letters with the same queue, code and cause. */
export function GroupRow({ group, span, query, onAction }: GroupRowProps) {
  const { texts, format } = useConsole();
  const { queue, code, cause, reason, count, redrivenBefore, firstAt, lastAt, history } = group;
  const name = `${queue ?? texts.unknownQueue}, ${code}, ${cause}`;
  return (
    <tr>
      <th scope="row" data-label={texts.cause}>
        <QueueBadge queue={queue} /> <CodeBadge code={code} />{' '}
        <a href={writeRoute('failures', { query })}>
          <Plain text={cause} />
        </a>
        {reason !== cause && (
          <p class="reason">
            <Plain text={reason.length > 300 ? `${reason.slice(0, 300)}…` : reason} />
          </p>
        )}
      </th>
      <td data-label={texts.count} class="number large">
        {format.number(count)}
      </td>
      <td data-label={texts.last}>
        <Ago at={lastAt} />
      </td>
      <td data-label={texts.first}>
        <Ago at={firstAt} />
      </td>
      <td data-label={texts.history}>
        <Sparkline values={history} from={span.from} to={span.to} />
      </td>
      <td data-label={texts.redrivenBefore} class="number">
        {format.percent(redrivenBefore / count)}
      </td>
      {onAction && (
        <td class="buttons">
          <ActionButton
            scope="dead-letters:redrive"
            label={`${texts.redriveDots} ${name}`}
            onClick={() => onAction('redrive')}
          >
            {texts.redriveDots}
          </ActionButton>
          <ActionButton
            scope="dead-letters:redrive"
            label={`${texts.discardDots} ${name}`}
            onClick={() => onAction('discard')}
          >
            {texts.discardDots}
          </ActionButton>
        </td>
      )}
    </tr>
  );
}
