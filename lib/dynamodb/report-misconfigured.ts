import type { MisconfiguredError } from '../runtime/errors.ts';
import { log } from '../runtime/log.ts';
import { recordMetrics } from '../runtime/metrics.ts';
import { toLoggable } from '../runtime/stack.ts';

/**
 * The minimum time, in ms, between two reports of the same error by one process. Without this limit, each message of
 * each batch would report the error again.
 */
const QUIET_MS = 10_000;

const reportedAtMs = new Map<string, number>();

export function reportMisconfigured(error: MisconfiguredError): MisconfiguredError {
  const { code, message, tables } = error;
  const nowMs = Date.now();
  if (nowMs - (reportedAtMs.get(message) ?? -Infinity) < QUIET_MS) return error;
  if (reportedAtMs.size >= 100) reportedAtMs.clear();
  reportedAtMs.set(message, nowMs);
  log().error('deployment is wrong', { reason: code, tables, error: toLoggable(error) });
  recordMetrics({ DeploymentWrong: 1 });
  return error;
}
