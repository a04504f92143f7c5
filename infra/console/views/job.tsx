import { useEffect, useRef, useState } from 'preact/hooks';

import { JOBS } from '../action-request.ts';
import type { Failure, Job } from '../api.ts';
import { ActionButton } from '../components/buttons.tsx';
import { Curl } from '../components/curl.tsx';
import { JobScope, JobStatus, skippedOf, type Jobs } from '../components/job.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, FailureNote, View } from '../components/states.tsx';
import { Time } from '../components/time.tsx';
import { failureOf, useConsole, useGet } from '../context.ts';
import { writeRoute } from '../route.ts';

const EVERY_MS = 2_000;

/** One job with its progress. While the page shows a running job, the page also asks the service to work on it. */
export function JobView({ id }: { readonly id: string }) {
  const { texts, format, request, has } = useConsole();
  const loaded = useGet<Jobs>(JOBS, EVERY_MS);
  const job = loaded.value?.jobs.find((one) => one.id === id);
  const [failure, setFailure] = useState<Failure>();
  const [isCancelling, setCancelling] = useState(false);
  const [uncancelled, setUncancelled] = useState<Failure>();
  // A job of an earlier release has no total.
  const total = job?.total ?? job?.order.ids?.length;
  const change = { method: 'POST', path: `${JOBS}/${encodeURIComponent(id)}` } as const;
  const isRunning = job?.status === 'running';

  // The function that continues jobs runs only once a minute. Only one process works on a job at a time.
  const isWorking = useRef(false);
  useEffect(() => {
    if (!isRunning || isWorking.current || !has('dead-letters:redrive')) return;
    isWorking.current = true;
    request<Job>({ ...change, body: { action: 'continue' } }).then(
      () => void (isWorking.current = false),
      (error: unknown) => {
        setFailure(failureOf(error));
        setTimeout(() => void (isWorking.current = false), 10_000);
      },
    );
  }, [isRunning, loaded.value]);

  async function cancel() {
    setUncancelled(undefined);
    setCancelling(true);
    try {
      await request({ ...change, body: { action: 'cancel' } });
      loaded.reload();
    } catch (error) {
      setUncancelled(failureOf(error));
    }
    setCancelling(false);
  }

  return (
    <>
      <h1 tabIndex={-1}>{texts.job}</h1>
      <View loaded={loaded}>
        {() => {
          if (!job) return <Empty>{texts.noJob}</Empty>;
          const { order, progress, createdAt, updatedAt } = job;
          const handled = progress.done + progress.failed + skippedOf(job);
          const wanted = Math.max(total ?? 0, handled);
          return (
            <section class="card">
              <header class="bar">
                <h2>
                  {texts.jobNames[order.action]} <JobStatus job={job} />
                </h2>
                {isRunning && (
                  <ActionButton
                    scope="dead-letters:redrive"
                    kind="danger"
                    disabled={isCancelling}
                    onClick={() => void cancel()}
                  >
                    {isCancelling ? texts.cancelling : texts.cancelJob}
                  </ActionButton>
                )}
              </header>
              <p class="reason large">
                <Plain text={order.reason} />
              </p>
              {isRunning && total !== undefined && (
                <progress aria-label={texts.progress} max={Math.max(wanted, 1)} value={handled} />
              )}
              <p role="status" class="large">
                {texts.jobProgress[order.action](
                  format.number(progress.done),
                  job.status !== 'done' && total !== undefined ? format.number(wanted) : undefined,
                )}
                {isRunning && total !== undefined && wanted > handled && (
                  <small> {texts.timeLeft(format.duration(timeFor(wanted - handled, order.ratePerSecond)))}</small>
                )}
              </p>
              {failure && failure.kind !== 'lost' && <FailureNote failure={failure} />}
              {isRunning &&
                uncancelled &&
                (uncancelled.kind === 'lost' ? (
                  <p class="note bad" role="alert">
                    {texts.cancelLost}
                  </p>
                ) : (
                  <FailureNote failure={uncancelled} />
                ))}
              <ul>
                {Object.entries(progress.skipped).map(([reason, count]) => (
                  <li key={reason}>{texts.didSkip(format.number(count), texts.skipReasons[reason] ?? reason)}</li>
                ))}
                {progress.failed > 0 && <li>{texts.didFail(format.number(progress.failed))}</li>}
              </ul>
              {progress.error !== undefined && (
                <p class="note warn">
                  {texts.lastError}: <Plain text={progress.error} />
                </p>
              )}
              <dl class="facts">
                <div>
                  <dt>{texts.started}</dt>
                  <dd>
                    <Time at={createdAt} />
                  </dd>
                </div>
                <div>
                  <dt>{texts.updated}</dt>
                  <dd>
                    <Time at={updatedAt} />
                  </dd>
                </div>
                <div>
                  <dt>{texts.startedBy}</dt>
                  <dd>
                    <Plain text={order.requestedBy} />
                  </dd>
                </div>
                <div>
                  <dt>{texts.rate}</dt>
                  <dd>{texts.perSecond(format.number(order.ratePerSecond))}</dd>
                </div>
                <div class="wide">
                  <dt>{texts.selects}</dt>
                  <dd>
                    <JobScope job={job} />
                    {order.force && ` (${texts.forced})`}{' '}
                    {order.filter && <a href={writeRoute('failures', { query: order.filter })}>{texts.stillOpen}</a>}
                  </dd>
                </div>
              </dl>
              <Curl request={{ method: 'GET', path: JOBS }} />
              {isRunning && <Curl label={texts.cancelWithCurl} request={{ ...change, body: { action: 'cancel' } }} />}
            </section>
          );
        }}
      </View>
      <p>
        <a href={writeRoute('jobs')}>{texts.allJobs}</a>
      </p>
    </>
  );
}

/** Returns how long a number of messages takes at a rate, in ms: at least one second. */
const timeFor = (count: number, perSecond: number): number => Math.max((count / perSecond) * 1_000, 1_000);
