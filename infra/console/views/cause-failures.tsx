import { useState } from 'preact/hooks';

import { ActionButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { useConsole } from '../context.ts';
import type { ApiRequest } from '../curl.ts';
import { LOCAL_SCOPE } from '../session.ts';

export interface LocalQueue {
  readonly name: string;
  /** How many further attempts of the consumer of the queue will fail. */
  readonly failing: number;
}

/** Sends a request, and shows what `describe` returns for the response. */
export type Act = (request: ApiRequest, describe: (answer: { id?: string }) => string) => Promise<void>;

interface CauseFailuresProps {
  readonly queues: readonly LocalQueue[];
  readonly act: Act;
}

/** The failures that a developer can cause: messages that no consumer can read, failing attempts, and a broker that dies. */
export function CauseFailures({ queues, act }: CauseFailuresProps) {
  const { texts, format } = useConsole();
  const [queue, setQueue] = useState(queues[0]?.name ?? '');
  const [count, setCount] = useState('5');
  const [isSure, setSure] = useState(false);
  const post = (name: string, body: object): ApiRequest => ({ method: 'POST', path: `/console/dev/${name}`, body });
  const poison = post('poison', { queue });
  const failNext = post('fail-next', { queue, count: Number(count) });
  const kill = post('kill-broker', {});
  const failing = queues.find(({ name }) => name === queue)?.failing ?? 0;
  return (
    <section class="card" aria-labelledby="faults-title">
      <header class="bar">
        <h2 id="faults-title">{texts.causeFailures}</h2>
        <label class="inline">
          {texts.queue}{' '}
          <select value={queue} onChange={(change) => setQueue(change.currentTarget.value)}>
            {queues.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <div class="faults-grid">
        <div>
          <h3>{texts.poison}</h3>
          <p>{texts.poisonText}</p>
          <ActionButton scope={LOCAL_SCOPE} onClick={() => void act(poison, () => texts.poisoned(queue))}>
            {texts.sendPoison}
          </ActionButton>
          <Curl request={poison} />
        </div>
        <div>
          <h3>{texts.failNext}</h3>
          <p>{texts.failNextText}</p>
          <label class="inline">
            {texts.attempts}{' '}
            <input
              type="number"
              min="0"
              max="1000"
              value={count}
              onInput={(input) => setCount(input.currentTarget.value)}
            />
          </label>{' '}
          <ActionButton
            scope={LOCAL_SCOPE}
            disabled={!/^\d{1,4}$/.test(count)}
            onClick={() => void act(failNext, () => texts.willFail(format.number(Number(count)), queue))}
          >
            {texts.letFail}
          </ActionButton>
          {failing > 0 && <p class="note warn">{texts.stillFailing(format.number(failing))}</p>}
          <Curl request={failNext} />
        </div>
        <div>
          <h3>{texts.killBroker}</h3>
          <p>{texts.killBrokerText}</p>
          <label class="check">
            <input type="checkbox" checked={isSure} onChange={(change) => setSure(change.currentTarget.checked)} />
            <span>{texts.sure}</span>
          </label>
          <ActionButton
            scope={LOCAL_SCOPE}
            kind="danger"
            disabled={!isSure}
            onClick={() => {
              setSure(false);
              void act(kill, () => texts.killed);
            }}
          >
            {texts.killBroker}
          </ActionButton>
          <Curl request={kill} />
        </div>
      </div>
    </section>
  );
}
