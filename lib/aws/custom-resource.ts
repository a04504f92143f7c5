import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { withoutLogins } from '../runtime/scrub.ts';
import { errorFields } from '../runtime/stack.ts';

type Properties = Readonly<Record<string, unknown>>;

/**
 * The event that CloudFormation sends to a custom resource
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html).
 */
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

export interface CustomResourceChange {
  readonly properties: Properties;
  /** The properties that the custom resource had before an update. Absent if the resource is not being updated. */
  readonly previous?: Properties;
  /** A signal that aborts shortly before the Lambda function times out. */
  readonly signal: AbortSignal;
}

/** The largest response that CloudFormation accepts from a custom resource, in bytes. */
const MAX_ANSWER_BYTES = 4_096;

/** How much time is reserved for sending the response to CloudFormation, in ms. */
const ANSWER_RESERVE_MS = 10_000;

const ANSWER_ATTEMPTS = 3;

class TimeUpError extends Error {
  override readonly name = 'TimeUpError';
}

export interface Steps {
  apply(change: CustomResourceChange): Promise<void>;
  /**
   * Removes the custom resource. If the removal exceeds the time limit of the Lambda function, Lambda invokes the
   * function again, up to two times.
   */
  remove?(change: CustomResourceChange): Promise<void>;
}

/**
 * Creates the Lambda handler of a custom resource. The handler responds to CloudFormation even if the creation or the
 * update fails or runs out of time.
 */
export const customResource =
  (physicalId: string | ((properties: Properties) => string), { apply, remove }: Steps) =>
  async (event: CustomResourceEvent, context: { getRemainingTimeInMillis(): number }): Promise<void> => {
    const { RequestType: type, ResourceProperties: properties, OldResourceProperties: previous } = event;
    const deadline = Date.now() + context.getRemainingTimeInMillis();
    const isRemoved = type === 'Delete';
    const work = isRemoved ? remove : apply;
    let failure: string | undefined;
    try {
      if (work)
        await within(deadline - Date.now() - ANSWER_RESERVE_MS, (signal) => work({ properties, previous, signal }));
    } catch (error) {
      if (isRemoved && error instanceof TimeUpError) throw error;
      failure = withoutLogins(describeError(error).message).slice(0, MAX_ANSWER_BYTES);
      logError('the custom resource failed, and the reason is sent to CloudFormation', error, {
        type,
        logicalId: event.LogicalResourceId,
      });
    }
    // If the id differs from the previous id, CloudFormation replaces the resource and removes the old one.
    const id = typeof physicalId === 'string' ? physicalId : physicalId(properties);
    await answer(event, isRemoved ? (event.PhysicalResourceId ?? id) : id, failure, deadline);
  };

/**
 * Logs an error. If the logger itself fails, writes the error to the console instead, so that CloudFormation still gets
 * a response.
 */
function logError(message: string, error: unknown, details: Record<string, unknown>): void {
  try {
    log().error(message, { ...details, ...errorFields(error) });
  } catch {
    console.error(
      JSON.stringify({ message, ...details, error: { message: withoutLogins(describeError(error).message) } }),
    );
  }
}

async function within<T>(timeLimitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const timer = new AbortController();
  const late = sleep(Math.max(timeLimitMs, 0), undefined, { signal: timer.signal }).then(() => {
    const error = new TimeUpError(
      'the custom resource was not finished before the function timed out: deploy again (finished steps are kept)',
    );
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
  failure: string | undefined,
  deadline: number,
): Promise<void> {
  const fields = {
    Status: failure === undefined ? 'SUCCESS' : 'FAILED',
    PhysicalResourceId,
    StackId,
    RequestId,
    LogicalResourceId,
  };
  const body = failure === undefined ? JSON.stringify(fields) : withReason(fields, failure);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const perAttemptMs = Math.max(Math.floor((deadline - Date.now()) / (ANSWER_ATTEMPTS + 1 - attempt)), 500);
      // The signature of the response URL is valid only for a request without a content type.
      const headers = { 'content-type': '' };
      const response = await fetch(url, { method: 'PUT', headers, body, signal: AbortSignal.timeout(perAttemptMs) });
      await response.arrayBuffer();
      if (response.ok) return;
      throw new Error(
        `the response URL of CloudFormation returned the status ${response.status}; a status from 200 to 299 was expected`,
      );
    } catch (error) {
      const { message } = describeError(error);
      logError('an attempt to send the response to CloudFormation failed', error, { attempt });
      // Lambda retries a function that fails.
      if (attempt === ANSWER_ATTEMPTS)
        throw new Error(`cannot send the response to CloudFormation: ${message}`, { cause: error });
      await sleep(200 * attempt);
    }
  }
}

function withReason(fields: Readonly<Record<string, string>>, reason: string): string {
  for (let kept = reason; ; kept = kept.slice(0, Math.floor(kept.length * 0.9))) {
    const body = JSON.stringify({ ...fields, Reason: kept === reason ? reason : `${kept}…` });
    if (Buffer.byteLength(body) <= MAX_ANSWER_BYTES || kept === '') return body;
  }
}
