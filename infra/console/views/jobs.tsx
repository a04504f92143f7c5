import { JOBS } from '../action-request.ts';
import { JobScope, JobStatus, skippedOf, type Jobs } from '../components/job.tsx';
import { Plain } from '../components/plain.tsx';
import { Empty, View } from '../components/states.tsx';
import { Ago } from '../components/time.tsx';
import { useConsole, useGet } from '../context.ts';
import { writeRoute } from '../route.ts';

const EVERY_MS = 5_000;

/** The newest jobs, which redrive or discard many dead letters. */
export function JobList() {
  const { texts, format } = useConsole();
  const loaded = useGet<Jobs>(JOBS, EVERY_MS);
  return (
    <>
      <h1 tabIndex={-1}>{texts.jobs}</h1>
      <View loaded={loaded}>
        {({ jobs }) =>
          jobs.length === 0 ? (
            <Empty>{texts.noJobs}</Empty>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">{texts.job}</th>
                  <th scope="col">{texts.status}</th>
                  <th scope="col" class="number">
                    {texts.done}
                  </th>
                  <th scope="col" class="number">
                    {texts.skipped}
                  </th>
                  <th scope="col" class="number">
                    {texts.failed}
                  </th>
                  <th scope="col">{texts.startedBy}</th>
                  <th scope="col">{texts.started}</th>
                </tr>
              </thead>
              <tbody>
                {jobs.map((job) => (
                  <tr key={job.id}>
                    <th scope="row" data-label={texts.job}>
                      <a href={writeRoute('jobs', { id: job.id })}>
                        {texts.jobNames[job.order.action]}: <Plain text={job.order.reason} />
                      </a>
                      <p class="reason">
                        <JobScope job={job} />
                      </p>
                    </th>
                    <td data-label={texts.status}>
                      <JobStatus job={job} />
                    </td>
                    <td data-label={texts.done} class="number">
                      {format.number(job.progress.done)}
                    </td>
                    <td data-label={texts.skipped} class="number">
                      {format.number(skippedOf(job))}
                    </td>
                    <td data-label={texts.failed} class="number">
                      {format.number(job.progress.failed)}
                    </td>
                    <td data-label={texts.startedBy}>
                      <Plain text={job.order.requestedBy} />
                    </td>
                    <td data-label={texts.started}>
                      <Ago at={job.createdAt} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </View>
    </>
  );
}
