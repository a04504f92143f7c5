import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { withoutLogins } from '../runtime/scrub.ts';

type Properties = Readonly<Record<string, unknown>>;

/** What CloudFormation sends (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html). */
export interface CustomResourceEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Properties;
  readonly OldResourceProperties?: Properties;
}

export interface Change {
  readonly properties: Properties;
  /** Those of before, on an update. */
  readonly previous?: Properties;
  /** Aborted when the time is nearly up. */
  readonly signal: AbortSignal;
}

/** CloudFormation takes no more bytes than this. */
const MAX_ANSWER_BYTES = 4_096;

/** Kept back for the answer, in ms. */
const ANSWER_RESERVE_MS = 10_000;

const ANSWER_ATTEMPTS = 3;

/** The time of an invocation is nearly up. */
class TimeUpError extends Error {
  override readonly name = 'TimeUpError';
}

export interface Steps {
  /** Makes the resource, or changes it. */
  apply(change: Change): Promise<void>;
  /**
   * Takes it away; by default that is nothing to do. What does not fit into one invocation goes on in the next: Lambda runs
   * it again, twice, and CloudFormation waits as long as the resource's `ServiceTimeout` says.
   */
  remove?(change: Change): Promise<void>;
}

/**
 * A custom resource that always answers: success, failure, or that its time is nearly up. `physicalId` tells it from others; a
 * resource whose id changes with its properties is replaced, and the one of before removed.
 */
export const customResource =
  (physicalId: string | ((properties: Properties) => string), { apply, remove }: Steps) =>
  async (event: CustomResourceEvent, context: { getRemainingTimeInMillis(): number }): Promise<void> => {
    const { RequestType: type, ResourceProperties: properties, OldResourceProperties: previous } = event;
    const deadline = Date.now() + context.getRemainingTimeInMillis();
    const isRemoved = type === 'Delete';
    const work = isRemoved ? remove : apply;
    let fault: string | undefined;
    try {
      if (work)
        await within(deadline - Date.now() - ANSWER_RESERVE_MS, (signal) => work({ properties, previous, signal }));
    } catch (error) {
      if (isRemoved && error instanceof TimeUpError) throw error;
      fault = withoutLogins(describeError(error).message).slice(0, MAX_ANSWER_BYTES);
      tell('custom resource failed', { type, logicalId: event.LogicalResourceId, fault });
    }
    const id = typeof physicalId === 'string' ? physicalId : physicalId(properties);
    await answer(event, isRemoved ? (event.PhysicalResourceId ?? id) : id, fault, deadline);
  };

/** The log needs settings, which may be what is wrong: an answer must go out all the same. */
function tell(message: string, details: Record<string, unknown>): void {
  try {
    log().error(message, details);
  } catch {
    console.error(JSON.stringify({ message, ...details }));
  }
}

async function within<T>(timeLimitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const timer = new AbortController();
  const late = sleep(Math.max(timeLimitMs, 0), undefined, { signal: timer.signal }).then(() => {
    const error = new TimeUpError('not finished in the time that the function has; what was done stays, try again');
    abort.abort(error);
    throw error;
  });
  try {
    return await Promise.race([run(abort.signal), late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}

async function answer(
  { ResponseURL: url, StackId, RequestId, LogicalResourceId }: CustomResourceEvent,
  PhysicalResourceId: string,
  fault: string | undefined,
  deadline: number,
): Promise<void> {
  const fields = {
    Status: fault === undefined ? 'SUCCESS' : 'FAILED',
    PhysicalResourceId,
    StackId,
    RequestId,
    LogicalResourceId,
  };
  const body = fault === undefined ? JSON.stringify(fields) : withReason(fields, fault);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const perAttemptMs = Math.max(Math.floor((deadline - Date.now()) / (ANSWER_ATTEMPTS + 1 - attempt)), 500);
      // The address is signed for a request without a content type.
      const headers = { 'content-type': '' };
      const response = await fetch(url, { method: 'PUT', headers, body, signal: AbortSignal.timeout(perAttemptMs) });
      await response.arrayBuffer();
      if (response.ok) return;
      throw new Error(`CloudFormation's address answered ${response.status}`);
    } catch (error) {
      const { message } = describeError(error);
      tell('custom resource could not answer', { attempt, fault: message });
      // Lambda invokes the function again where it fails.
      if (attempt === ANSWER_ATTEMPTS) throw new Error(`no answer to CloudFormation: ${message}`, { cause: error });
      await sleep(200 * attempt);
    }
  }
}

/** The answer with as much of the reason as fits. */
function withReason(fields: Readonly<Record<string, string>>, reason: string): string {
  for (let kept = reason; ; kept = kept.slice(0, Math.floor(kept.length * 0.9))) {
    const body = JSON.stringify({ ...fields, Reason: kept === reason ? reason : `${kept}…` });
    if (Buffer.byteLength(body) <= MAX_ANSWER_BYTES || kept === '') return body;
  }
}
